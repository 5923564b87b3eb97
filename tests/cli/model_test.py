#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands on the functional model."""
import random
import tempfile
import unittest
import zlib
from pathlib import Path

from program import SEED, checks, run_json


def setUpModule():
    print("seed", SEED, flush=True)


class Model(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.content = random.Random(int(SEED)).randbytes(65536 + 4097)
        self.file = self.folder / "input"
        self.file.write_bytes(self.content)

    def on_model(self, *arguments):
        code, document = run_json(*arguments, "--card", "model", "--seed", SEED)
        self.assertEqual(code, 0, document)
        return document

    def test_demo_finds_nothing_wrong(self):
        found = checks(self.on_model("demo", "--file", str(self.file)))
        self.assertGreater(len(found), 5)
        self.assertEqual([what for what, ok in found if not ok], [])

    def test_dma_copies_a_file(self):
        out = self.folder / "output"
        document = self.on_model("dma", str(self.file), "--out", str(out))
        self.assertEqual(out.read_bytes(), self.content)
        self.assertEqual(int(document["dma"]["crc"], 16), zlib.crc32(self.content))


if __name__ == "__main__":
    unittest.main()
