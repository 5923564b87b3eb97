#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ./dev coverage reads in Verilator's counts, and what it objects to."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev.d"))
import coverage  # noqa: E402


def point(lines, hits, kind="block", file="rtl/iommu/iommu_x.sv", instance="top.a"):
    keys = {"f": coverage.ROOT / file, "l": lines.split("-")[0], "n": 3, "page": "v_line/x", "o": kind, "S": lines, "h": instance}
    return "C '" + "".join(f"\1{key}\2{value}" for key, value in keys.items()) + f"' {hits}\n"


class Count(unittest.TestCase):
    def lines(self, *points):
        return coverage.count("".join(points))["rtl/iommu/iommu_x.sv"]

    def test_a_block_covers_its_lines(self):
        self.assertEqual(self.lines(point("4-5,9", 2), point("6", 0)), {4: True, 5: True, 9: True, 6: False})

    def test_one_instance_is_enough(self):
        self.assertEqual(self.lines(point("4", 0), point("4", 1, instance="top.b")), {4: True})

    def test_all_of_a_line_has_to_run(self):
        self.assertEqual(self.lines(point("4", 7, "if"), point("4", 0, "else")), {4: False})


class Judged(unittest.TestCase):
    SOURCE = "".join(f"line {number};\n" for number in range(1, 101))

    def problems(self, uncovered, exceptions):
        with tempfile.TemporaryDirectory() as root:
            path = Path(root) / "rtl/iommu/iommu_x.sv"
            path.parent.mkdir(parents=True)
            path.write_text(self.SOURCE)
            listed = Path(root) / "coverage.json"
            listed.write_text(json.dumps([{"file": "rtl/iommu/iommu_x.sv", "line": line, "reason": "because"} for line in exceptions]))
            found = {"rtl/iommu/iommu_x.sv": {line: line not in uncovered for line in range(1, 101)}}
            with mock.patch.multiple(coverage, ROOT=Path(root), EXCEPTIONS=listed), contextlib.redirect_stdout(io.StringIO()):
                return coverage.report(found, False)

    def test_a_listed_line_may_stay_uncovered(self):
        self.assertEqual(self.problems([7], ["line 7;"]), [])

    def test_an_unlisted_line_may_not(self):
        self.assertEqual(len(self.problems([7, 8], ["line 8;"])), 1)

    def test_a_listed_line_that_is_covered_is_named(self):
        self.assertIn("line 9;", self.problems([7], ["line 7;", "line 9;"])[0])

    def test_less_than_97_per_cent_is_too_little(self):
        uncovered = [1, 2, 3, 4]
        self.assertIn("96 of 100", self.problems(uncovered, [f"line {number};" for number in uncovered])[0])


if __name__ == "__main__":
    unittest.main()
