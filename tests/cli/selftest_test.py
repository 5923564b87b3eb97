#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The self-test as a user runs it: its outputs, parsed, and its exit codes."""
import json
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from program import PROGRAM, SEED, run, run_json

OK, CHECK_FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3


def setUpModule():
    print("seed", SEED, flush=True)


def parse_tap(text):
    """Plan and results: {name: (ok, reason to skip or None, lines of diagnostics)}. Fails on what is no TAP 14."""
    lines = text.splitlines()
    assert lines[0] == "TAP version 14", lines[0]
    plan = int(re.fullmatch(r"1\.\.(\d+)", lines[1])[1])
    results, bail_out, number, at = {}, None, 0, 2
    while at < len(lines):
        if lines[at].startswith("Bail out! "):
            bail_out = lines[at][len("Bail out! "):]
            at += 1
            continue
        ok, count, name, reason = re.fullmatch(r"(not )?ok (\d+) - (\S+)(?: # SKIP (.+))?", lines[at]).groups()
        number += 1
        assert int(count) == number, lines[at]
        at += 1
        assert lines[at] == "  ---"
        end = lines.index("  ...", at)
        results[name] = (ok is None, reason, lines[at + 1:end])
        at = end + 1
    assert bail_out is not None or number == plan, (number, plan)
    return plan, results, bail_out


def known_steps():
    code, text, _ = run("selftest", "--list")
    assert code == OK
    return [line.split()[0] for line in text.splitlines()]


class OnModel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_passes_and_tap_has_every_step(self):
        code, text, error = run("selftest", "--card", "model", "--seed", SEED)
        self.assertEqual((code, error), (OK, ""), text)
        plan, results, bail_out = parse_tap(text)
        self.assertEqual(list(results), known_steps())
        self.assertEqual(plan, len(results))
        self.assertIsNone(bail_out)
        self.assertEqual([name for name, (ok, _, _) in results.items() if not ok], [])

    def test_diagnostics_are_yaml(self):
        _, text, _ = run("selftest", "--card", "model", "--step", "throughput")
        _, results, _ = parse_tap(text)
        fields = dict(line.strip().split(": ", 1) for line in results["throughput"][2])
        self.assertIn("copy_bytes_per_cycle", json.loads(fields["facts"]))
        self.assertEqual(json.loads(fields["message"])[-1], ".")

    def test_junit_agrees_with_the_document(self):
        file = self.folder / "junit.xml"
        code, document = run_json("selftest", "--card", "model", "--junit", str(file))
        self.assertEqual(code, OK)
        self.assertTrue(document["ok"])
        steps = {step["name"]: step["result"] for step in document["selftest"]["steps"]}
        suite = ElementTree.parse(file).getroot().find("testsuite")
        cases = {case.get("name"): "failed" if case.find("failure") is not None else
                 "skipped" if case.find("skipped") is not None else "passed" for case in suite}
        self.assertEqual(cases, steps)
        self.assertEqual(int(suite.get("tests")), len(steps))
        self.assertEqual(int(suite.get("failures")), 0)
        self.assertEqual(int(suite.get("skipped")), sum(result == "skipped" for result in steps.values()))

    def test_a_step_brings_what_it_needs(self):
        code, text, _ = run("selftest", "--card", "model", "--step", "pd8")
        self.assertEqual(code, OK)
        self.assertEqual(list(parse_tap(text)[1]), ["identity", "reset", "iommu", "loopback", "pd8"])

    def test_features_that_are_strapped_off_are_skipped_with_the_reason(self):
        straps = self.folder / "straps.json"
        straps.write_text('{"capabilities": "0x3810000210"}')
        code, text, _ = run("selftest", "--card", f"model:straps={straps}")
        self.assertEqual(code, OK, text)
        _, results, _ = parse_tap(text)
        self.assertIn("sv48", results["sv48"][1])
        self.assertIsNone(results["sv39"][1])

    def test_the_same_seed_gives_the_same_cycles(self):
        cycles = [run_json("selftest", "--card", "model", "--seed", "7", "--step", "sv39")[1]["selftest"]["cycles"]
                  for _ in range(2)]
        self.assertEqual(cycles[0], cycles[1])


class Usage(unittest.TestCase):
    def test_unknown_step_is_named(self):
        code, _, error = run("selftest", "--card", "model", "--step", "sv40")
        self.assertEqual(code, USAGE)
        self.assertIn("sv40", error)

    def test_time_limit_has_a_range(self):
        for limit in ("0", "x", "99999999"):
            code, _, error = run("selftest", "--card", "model", "--time-limit", limit)
            self.assertEqual(code, USAGE)
            self.assertIn("--time-limit", error)

    def test_a_card_that_cannot_be_opened_is_the_environments_fault_and_the_first_steps(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "report.xml"
            code, output, error = run("selftest", "--card", "vfio-user:/no/such/socket", "--junit", str(file))
            suite = ElementTree.parse(file).getroot().find("testsuite")
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("/no/such/socket", error)
        self.assertIn("not ok 1 - identity\n", output)
        self.assertIn("/no/such/socket", output)
        self.assertIn("\nBail out! the card cannot be opened\n", output)
        self.assertEqual([suite.get(name) for name in ("failures", "errors")], ["1", "1"])

    def test_a_junit_file_that_cannot_be_written_is_named(self):
        code, _, error = run("selftest", "--card", "model", "--step", "identity", "--junit", "/no/such/folder/x.xml")
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("/no/such/folder/x.xml", error)


@unittest.skipUnless(os.environ.get("APERTURE_SIMULATED"), "this build has no simulated card")
class OnSimulation(unittest.TestCase):
    def passes(self, card):
        code, text, error = run("selftest", "--card", card, "--seed", SEED)
        self.assertEqual((code, error), (OK, ""), text)
        _, results, _ = parse_tap(text)
        self.assertEqual(list(results), known_steps())
        return results

    def test_passes_in_both_widths(self):
        for width in (64, 128):
            with self.subTest(width=width):
                results = self.passes(f"sim:width={width}")
                self.assertEqual([name for name, (_, reason, _) in results.items()
                                  if reason is not None and name not in ("clock", "sv32x4", "pas")], [])

    def test_passes_with_hostile_memory(self):
        self.passes("sim:profile=hostile")

    def test_features_that_are_strapped_off_are_skipped(self):
        results = self.passes('sim:straps={"capabilities": "0x3810000210"}')
        self.assertIsNotNone(results["two-stages"][1])

    def test_a_card_behind_a_socket_passes(self):
        with tempfile.TemporaryDirectory() as folder:
            socket = os.path.join(folder, "card.sock")
            with subprocess.Popen([PROGRAM, "serve", "--socket", socket, "--once", "--card", "sim"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
                self.assertIn("listening", server.stdout.readline())
                try:
                    self.passes(f"vfio-user:{socket}")
                finally:
                    server.terminate()
                    server.communicate(timeout=60)

    def test_a_server_that_dies_ends_the_run(self):
        with tempfile.TemporaryDirectory() as folder:
            socket = os.path.join(folder, "card.sock")
            with subprocess.Popen([PROGRAM, "serve", "--socket", socket, "--once", "--card", "sim"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
                self.assertIn("listening", server.stdout.readline())
                with subprocess.Popen([PROGRAM, "selftest", "--card", f"vfio-user:{socket}", "--time-limit", "20"],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
                    for line in client.stdout:
                        if line.startswith("ok 3"):
                            break
                    server.kill()
                    server.communicate(timeout=60)
                    rest, _ = client.communicate(timeout=120)
                self.assertEqual(client.returncode, CHECK_FAILED)
                self.assertIn("Bail out!", rest)


if __name__ == "__main__":
    unittest.main()
