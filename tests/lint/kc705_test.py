#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be checked of the project for the KC705 without Vivado: that its top fits fpga_top and the ports of the vendor's
parts, that its script reads, and that it and the simulation call the same sources by the same hash."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "rtl/fpga/kc705"
sys.path.insert(0, str(ROOT / "dev.d"))
from checks import rtl


def lint(top):
    """Verilator's complaints about the board's top; the vendor's parts are tests/lint/kc705_parts.v, the card is its ports."""
    design = rtl.Design(ROOT)
    # what is below fpga_top is linted with it
    return subprocess.run(
        ["verilator", "--lint-only", "-Wall", "-Wno-PINCONNECTEMPTY", "-Wno-DECLFILENAME", "--top-module", "kc705_top", rtl.WAIVERS,
         *design.packages, *(word for folder in design.folders for word in ("-y", folder)), "tests/lint/kc705_parts.v", str(top)],
        cwd=ROOT, capture_output=True, text=True, check=False)


class Kc705(unittest.TestCase):
    maxDiff = None

    def test_top_fits_the_card_and_the_vendors_parts(self):
        run = lint(BOARD / "kc705_top.v")
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("tclsh"), "no tclsh")
    def test_script_reads_and_hashes_as_the_simulation_does(self):
        run = subprocess.run(["tclsh", BOARD / "build.tcl"], env=os.environ | {"HASH_ONLY": "1"}, capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        told = re.search(r"build hash ([0-9a-f]{16})", run.stdout).group(1)
        # as tb/CMakeLists.txt
        lines = [f"{path.relative_to(ROOT / 'rtl')} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
                 for path in sorted((ROOT / "rtl").rglob("*.sv"))]
        self.assertEqual(told, hashlib.sha256("".join(lines).encode()).hexdigest()[:16])

    def test_ids_are_those_that_the_driver_looks_for(self):
        script = (BOARD / "build.tcl").read_text()
        header = (ROOT / "driver/card/pci.hpp").read_text()
        for key, name in (("VENDOR_ID", "kVendor"), ("DEVICE_ID", "kDevice")):
            told = int(re.search(rf"CONFIG\.{key} {{(\w+)}}", script).group(1), 16)
            self.assertEqual(told, int(re.search(rf"{name} = (\w+);", header).group(1), 16))
        self.assertEqual(int(re.search(r"CONFIG\.CLASS_CODE {(\w+)}", script).group(1), 16),
                         int(re.search(r"kClass = ([\w']+);", header).group(1).replace("'", ""), 16))

    def test_bars_are_where_the_card_has_them(self):
        script = (BOARD / "build.tcl").read_text()
        self.assertEqual([int(value, 16) for value in re.findall(r"CONFIG\.PCIEBAR2AXIBAR_\d {(\w+)}", script)], [0, 0x10000])


if __name__ == "__main__":
    unittest.main()
