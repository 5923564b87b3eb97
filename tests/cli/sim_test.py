#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands on the simulated card."""
import random
import re
import struct
import tempfile
import unittest
import zlib
from pathlib import Path

from program import SEED, checks, run, run_json

OK, CHECK_FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3


def setUpModule():
    print("seed", SEED, flush=True)


class WithFile(unittest.TestCase):
    """A file of an odd length, a little more than the pieces that a transfer is made of."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.content = random.Random(int(SEED)).randbytes(65536 + 4097)
        self.file = self.folder / "input"
        self.file.write_bytes(self.content)


class Card(unittest.TestCase):
    def test_unknown_card_option_is_named(self):
        code, _, error = run("dump", "--card", "sim:colour=red")
        self.assertEqual(code, USAGE)
        self.assertIn("colour", error)

    def test_bad_value_of_a_card_option_is_named(self):
        code, _, error = run("dump", "--card", "sim:width=65")
        self.assertEqual(code, USAGE)
        self.assertIn("width", error)

    def test_bad_wave_trigger_is_named(self):
        code, _, error = run("dump", "--card", "sim:wave=w.fst,wave_trigger=write:0x20000")
        self.assertEqual(code, USAGE)
        self.assertIn("wave_trigger", error)

    def test_card_of_an_fpga_refuses_what_it_does_not_have(self):
        for key in ("straps={}", "width=64", "payload=100"):
            code, _, error = run("dump", "--card", f"sim-fpga:{key}")
            self.assertEqual(code, USAGE)
            self.assertIn(key.split("=")[0], error)

    def test_missing_strap_file_is_the_environments_fault(self):
        code, _, error = run("dump", "--card", "sim:straps=/no/such/file")
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("/no/such/file", error)


class Waves(WithFile):
    def test_trigger_starts_the_window(self):
        wave = self.folder / "wave.fst"
        code, _, error = run("demo", "--file", str(self.file), "--card", f"sim:wave={wave},wave_trigger=fault,wave_cycles=10")
        self.assertEqual((code, error), (OK, ""))
        first, last = struct.unpack(">QQ", wave.read_bytes()[9:25])
        self.assertGreater(first, 0)
        self.assertEqual(last // 10 - first // 10, 9)

    def test_trigger_that_never_comes_is_said(self):
        wave = self.folder / "wave.fst"
        code, _, error = run("dump", "--card", f"sim:wave={wave},wave_trigger=fault")
        self.assertEqual(code, OK)
        self.assertIn(str(wave), error)
        self.assertIn("trigger fault", error)
        self.assertFalse(wave.exists())


class Dump(unittest.TestCase):
    def test_text_and_document_have_the_same_registers(self):
        _, text, _ = run("dump")
        code, document = run_json("dump")
        self.assertEqual(code, OK)
        blocks = {key: block for key, block in document.items() if isinstance(block, dict) and "registers" in block}
        self.assertIn("iommu", blocks)
        in_text = re.findall(r"^  (\S+) +(0x[0-9a-f]+) ", text, re.M)
        in_document = [(register["name"], register["value"]) for block in blocks.values() for register in block["registers"]]
        names = [name for name, _ in in_document]
        self.assertEqual([name for name, _ in in_text], names)
        steady = {"capabilities", "fctl", "id", "version", "build", "parameters"}
        self.assertEqual([pair for pair in in_text if pair[0] in steady], [pair for pair in in_document if pair[0] in steady])

    def test_fields_are_decoded_by_name(self):
        _, document = run_json("dump")
        capabilities = document["iommu"]["registers"][0]
        self.assertEqual(capabilities["name"], "capabilities")
        value = int(capabilities["value"], 16)
        self.assertEqual(capabilities["fields"]["sv39"], value >> 9 & 1)
        self.assertEqual(capabilities["fields"]["pas"], value >> 32 & 63)

    def test_each_channel_has_its_registers(self):
        _, document = run_json("dump")
        parameters = next(r for r in document["card"]["registers"] if r["name"] == "parameters")
        for channel in range(parameters["fields"]["channels"]):
            self.assertIn(f"dma{channel}", document)


class Dma(WithFile):
    def test_copies_the_file(self):
        out = self.folder / "output"
        code, document = run_json("dma", str(self.file), "--out", str(out), "--seed", SEED)
        self.assertEqual(code, OK)
        self.assertEqual(out.read_bytes(), self.content)
        self.assertEqual(document["dma"]["bytes"], len(self.content))
        self.assertEqual(int(document["dma"]["crc"], 16), zlib.crc32(self.content))

    def test_other_channel(self):
        code, document = run_json("dma", str(self.file), "--channel", "1")
        self.assertEqual((code, document["dma"]["channel"]), (OK, 1))

    def test_channel_that_the_card_lacks(self):
        code, _, error = run("dma", str(self.file), "--channel", "63")
        self.assertEqual(code, USAGE)
        self.assertIn("--channel", error)

    def test_missing_file(self):
        code, _, error = run("dma", str(self.folder / "absent"))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("absent", error)

    def test_empty_file(self):
        self.file.write_bytes(b"")
        code, _, error = run("dma", str(self.file))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("input", error)

    def test_output_that_cannot_be_written(self):
        code, _, error = run("dma", str(self.file), "--out", str(self.folder / "absent" / "output"))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("output", error)

    def test_no_progress_line_without_a_terminal(self):
        _, _, error = run("dma", str(self.file))
        self.assertEqual(error, "")


class Demo(WithFile):
    def demo(self, *arguments):
        return ("demo", "--file", str(self.file), "--seed", SEED, *arguments)

    def test_every_step_holds(self):
        code, document = run_json(*self.demo())
        self.assertEqual([what for what, ok in checks(document) if not ok], [])
        self.assertEqual((code, document["ok"]), (OK, True))
        self.assertEqual([key for key in document if key != "ok"],
                         ["run", "card", "windows", "simple_user", "file", "isolation", "figures"])

    def test_every_step_holds_behind_a_bridge(self):
        for payload in ("128", "256"):
            code, document = run_json(*self.demo("--card", f"sim-fpga:payload={payload}"))
            self.assertEqual([what for what, ok in checks(document) if not ok], [])
            self.assertEqual((code, document["ok"]), (OK, True))

    def test_first_line_has_the_seed(self):
        _, text, _ = run(*self.demo())
        self.assertIn(f"seed {SEED}", text.splitlines()[0])

    def test_text_tells_what_the_document_holds(self):
        _, text, _ = run(*self.demo())
        _, document = run_json(*self.demo())
        for what, _ in checks(document):
            self.assertIn(f"[ok]   {what}\n", text)
        for fact in (document["card"]["build"], document["windows"]["refused"]["errno"], document["file"]["zlib_crc"],
                     document["file"]["disk"]["file"], document["isolation"]["stray"]["faults"][0]["text"],
                     str(document["figures"]["cycles"])):
            self.assertIn(fact, text)

    def test_same_seed_same_run(self):
        timed = {"seconds", "kilohertz"}

        def without_time(value):
            return {key: without_time(inner) for key, inner in value.items() if key not in timed} \
                if isinstance(value, dict) else value

        self.assertEqual(without_time(run_json(*self.demo())[1]), without_time(run_json(*self.demo())[1]))

    def test_memory_that_answers_out_of_order(self):
        code, document = run_json(*self.demo("--card", "sim:profile=hostile"))
        self.assertEqual([what for what, ok in checks(document) if not ok], [])
        self.assertEqual(code, OK)

    def test_refusal_names_the_culprit(self):
        _, document = run_json(*self.demo())
        refused = document["windows"]["refused"]
        blocked = [window for window in refused["report"]["windows"] if window["verdict"] == "blocked"]
        self.assertEqual([window["name"] for window in blocked], ["ram-high"])
        self.assertIn(("dma_mask", "legacy"), [(one["cause"], one["device"]) for one in blocked[0]["blockers"]])
        self.assertTrue(blocked[0]["alternatives"])

    def test_missing_file(self):
        code, output, error = run("demo", "--file", str(self.folder / "absent"))
        self.assertEqual((code, output), (ENVIRONMENT, ""))
        self.assertIn("absent", error)


if __name__ == "__main__":
    unittest.main()
