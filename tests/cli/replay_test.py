#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture replay: what it prints, and how it ends."""
import gzip
import json
import tempfile
import unittest
from pathlib import Path

from program import SEED, run

OK, CHECK_FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3
BARE = ['{"op": "reg_write", "offset": "0x10", "size": 8, "value": 1}', '{"op": "settle", "expect": {"quiet": true}}']
GOOD = '{"op": "translate", "device_id": 1, "iova": "0x5000", "expect": {"status": "ok", "pa": 20480}}'
BAD = '{"op": "translate", "device_id": 1, "iova": "0x5000", "expect": {"status": "ok", "pa": "0x6000"}}'


def setUpModule():
    print("seed", SEED, flush=True)


class Replay(unittest.TestCase):
    CARDS = ("sim", "model")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "trace.jsonl"

    def replay(self, lines, *options):
        self.file.write_text("".join(line + "\n" for line in lines))
        return run("replay", str(self.file), *options)

    def refused(self, line, *names):
        code, output, error = self.replay(BARE + [line])
        self.assertEqual((code, output), (USAGE, ""), error)
        for name in (f"{self.file}:3", *names):
            self.assertIn(name, error)

    def test_a_trace_that_holds(self):
        for card in self.CARDS:
            with self.subTest(card=card):
                code, output, error = self.replay(BARE + [GOOD, '{"op": "reg_read", "offset": "0x10", "size": 8}'], "--card", card)
                self.assertEqual((code, error), (OK, ""))
                self.assertEqual(output, '4: {"value":"0x1"}\nlines 4, expectations 2, mismatches 0\n')

    def test_a_mismatch_names_place_and_values(self):
        for card in self.CARDS:
            with self.subTest(card=card):
                code, output, _ = self.replay(BARE + [BAD, GOOD], "--card", card)
                self.assertEqual(code, CHECK_FAILED)
                self.assertEqual(output, '3: /pa: expected "0x6000", actual "0x5000"\nlines 4, expectations 3, mismatches 1\n')

    def test_json_gives_each_line_with_its_result_and_a_summary(self):
        code, output, _ = self.replay(BARE + [BAD], "--json")
        self.assertEqual(code, CHECK_FAILED)
        documents = [json.loads(line) for line in output.splitlines()]
        self.assertEqual(len(documents), 4)
        self.assertEqual(documents[2]["iova"], "0x5000")
        self.assertEqual(documents[2]["result"]["pa"], "0x5000")
        self.assertEqual(documents[2]["mismatches"], [{"place": "/pa", "expected": "0x6000", "actual": "0x5000"}])
        self.assertEqual(documents[3], {"summary": {"lines": 3, "expectations": 2, "mismatches": 1}})

    def test_stop_on_mismatch(self):
        _, output, _ = self.replay(BARE + [BAD, GOOD], "--stop-on-mismatch")
        self.assertIn("lines 3, expectations 2, mismatches 1", output)

    def test_limit(self):
        code, output, _ = self.replay(BARE + [GOOD, BAD], "--limit", "3")
        self.assertEqual(code, OK)
        self.assertIn("lines 3, expectations 2, mismatches 0", output)

    def test_a_compressed_trace(self):
        packed = self.file.with_suffix(".jsonl.gz")
        packed.write_bytes(gzip.compress("\n".join(BARE + [GOOD]).encode()))
        code, output, _ = run("replay", str(packed))
        self.assertEqual((code, output), (OK, "lines 3, expectations 2, mismatches 0\n"))

    def test_a_line_without_form_is_named_and_nothing_runs(self):
        self.refused('{"op": "nop"}', "/op")
        self.refused('{"op": "settle", "colour": 1}', "/colour")
        self.refused('{"op": "translate", "device_id": 1, "iova": 4095}', "/iova")
        self.refused('{"op": "settle"', "parse error")

    def test_a_capability_that_the_rtl_has_not_is_named_and_nothing_runs(self):
        self.refused('{"op": "reset", "straps": {"capabilities": "0x3800001010"}}', "/straps", "bit 12")

    def test_capabilities_that_no_card_has_are_refused_by_every_card(self):
        for capabilities in ("0x0100003800000210", "0x3800000211", "0x3830000210", "0x3900000210", "0x210"):
            reset = '{"op": "reset", "straps": {"capabilities": "%s"}}' % capabilities
            for card in self.CARDS:
                code, out, error = self.replay([reset], "--card", card)
                self.assertEqual((code, out), (USAGE, ""), (card, capabilities))
                self.assertIn(f"{self.file}:1: /straps", error)

    def test_a_value_that_no_card_can_be_given_ends_the_run(self):
        code, _, error = self.replay(BARE + ['{"op": "translate", "device_id": "0x1000000", "iova": 0}'])
        self.assertEqual(code, USAGE)
        self.assertIn(f"{self.file}:3: /device_id", error)

    def test_a_file_that_is_not_there(self):
        code, _, error = run("replay", str(self.file))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn(str(self.file), error)

    def test_what_makes_no_sense_on_the_command_line(self):
        self.file.write_text(GOOD)
        for arguments, names in ((["replay"], "FILE"), (["replay", str(self.file), "--limit", "some"], "--limit"),
                                 (["replay", str(self.file), "--card", "vfio:0000:01:00.0"], "sim, model"),
                                 (["replay", str(self.file), "--card", "sim:straps=x"], "straps")):
            with self.subTest(arguments=arguments):
                code, output, error = run(*arguments)
                self.assertEqual((code, output), (USAGE, ""), error)
                self.assertIn(names, error)

    def test_many_resets_and_lines_run_in_one_process(self):
        lines = [line for straps in range(200) for line in
                 ('{"op": "reset", "straps": {"device_id_mask": %d}}' % (straps + 1), *BARE, GOOD)]
        code, output, error = self.replay(lines)
        self.assertEqual((code, error), (OK, ""))
        self.assertIn("lines 800, expectations 400, mismatches 0", output)


if __name__ == "__main__":
    unittest.main()
