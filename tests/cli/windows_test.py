#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture windows, on the functional model."""
import json
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from program import SEED, run, run_json

USAGE, ENVIRONMENT = 2, 3
SVG = "{http://www.w3.org/2000/svg}"
CARD = ("--card", "model", "--seed", SEED)


def drawn(svg):
    """(first, last, state, tooltip) of every piece of a drawing."""
    root = ElementTree.parse(svg).getroot()
    return [(int(box.get("data-first"), 16), int(box.get("data-last"), 16), box.get("class").split()[-1],
             box.find(SVG + "title").text) for box in root.iter(SVG + "rect") if box.get("data-first")]


def scenario(expected):
    """A guest's RAM around 4 GiB, a device that reaches it, and one that does not."""
    wide = {"kind": "memory", "aperture": ["0x0", "0x7fffffffffff"]}
    return {
        "name": "ram",
        "devices": [
            {"name": "nic", "domain": wide, "reserved": [{"first": "0xfee00000", "last": "0xfeefffff", "cause": "msi"}]},
            {"name": "legacy", "dma_bits": 32, "domain": wide}],
        "steps": [
            {"step": "ioas", "name": "guest"},
            {"step": "require", "ioas": "guest",
             "windows": [{"name": "high", "base": "0x100000000", "size": "0x80000000"}]},
            {"step": "memory", "name": "m", "size": 8192},
            {"step": "map", "ioas": "guest", "memory": "m", "length": 8192, "iova": 4096},
            {"step": "attach", "device": "nic", "ioas": "guest"},
            {"step": "attach", "device": "legacy", "ioas": "guest", "expect": expected},
            {"step": "attach", "device": "legacy", "ioas": "guest", "expect": expected}]}


class Windows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_without_scenario_it_is_what_the_card_gives_a_device(self):
        code, text, error = run("windows", *CARD)
        self.assertEqual(code, 0, error)
        self.assertIn('IOAS "default": device', text)
        self.assertIn("reserved: sign_gap of device", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertNotIn("\x1b", text, "colours are for terminals")

    def test_json_and_svg_have_the_same_pieces(self):
        svg = self.folder / "space.svg"
        code, document = run_json("windows", "--svg", str(svg), *CARD)
        self.assertEqual(code, 0)
        [space] = document["windows"]["spaces"]
        pieces = [(int(piece["first"], 16), int(piece["last"], 16), piece["state"]) for piece in space["pieces"]]
        self.assertEqual([piece[:3] for piece in drawn(svg)], pieces)
        self.assertEqual(pieces[0][0], 0)
        self.assertEqual(pieces[-1][1], 2**64 - 1)
        for below, above in zip(pieces, pieces[1:]):
            self.assertEqual(below[1] + 1, above[0])

    def test_scenario_is_run_and_drawn_with_what_it_was_refused(self):
        file = self.folder / "ram.json"
        file.write_text(json.dumps(scenario("EADDRINUSE")))
        svg = self.folder / "ram.svg"
        code, document = run_json("windows", str(file), "--svg", str(svg))
        self.assertEqual(code, 0, document)
        [space] = document["windows"]["spaces"]
        self.assertEqual(space["devices"], ["nic"])
        self.assertEqual(len(space["refused"]), 1, "the same one only once")
        self.assertEqual([(piece["first"], piece["state"]) for piece in space["pieces"]],
                         [("0x0", "usable"), ("0x1000", "mapped"), ("0x3000", "usable"), ("0xfee00000", "reserved"),
                          ("0xfef00000", "usable"), ("0x100000000", "blocked"), ("0x180000000", "usable"),
                          ("0x800000000000", "reserved")])
        [blocked] = [tooltip for _, _, state, tooltip in drawn(svg) if state == "blocked"]
        self.assertIn("dma_mask of legacy", blocked)
        self.assertIn('window "high"', blocked)
        code, text, _ = run("windows", str(file))
        self.assertEqual(code, 0)
        self.assertIn("attach legacy refused", text)

    def test_scenario_that_goes_otherwise_is_drawn_and_fails(self):
        file = self.folder / "ram.json"
        file.write_text(json.dumps(scenario("ok")))
        code, text, _ = run("windows", str(file))
        self.assertEqual(code, 1)
        self.assertIn("XXXX", text)
        self.assertIn("[FAIL]", text)

    def test_scenario_that_is_none_is_named(self):
        file = self.folder / "bad.json"
        file.write_text('{"name": 1}')
        code, _, error = run("windows", str(file))
        self.assertEqual(code, USAGE)
        self.assertIn("bad.json", error)
        code, _, error = run("windows", str(self.folder / "missing.json"))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("missing.json", error)

    def test_drawing_that_cannot_be_written_is_told(self):
        code, _, error = run("windows", "--svg", str(self.folder / "no" / "space.svg"), *CARD)
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("space.svg", error)


if __name__ == "__main__":
    unittest.main()
