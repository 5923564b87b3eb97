#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ./dev synth counts in a netlist."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev.d/synth"))
import area  # noqa: E402


def cell(kind, inputs, outputs):
    """A cell; inputs and outputs are {port: [nets]}."""
    return {"type": kind, "connections": inputs | outputs,
            "port_directions": {port: "input" for port in inputs} | {port: "output" for port in outputs}}


def lut(inputs, output):
    return cell("LUT2", {"I0": inputs[:1], "I1": inputs[1:]}, {"O": [output]})


class Depth(unittest.TestCase):
    def test_luts_in_a_row(self):
        self.assertEqual(area.count([lut([1, 2], 3), lut([3, 4], 5), lut([5, 3], 6)])["depth"], 3)

    def test_a_flip_flop_ends_the_path(self):
        self.assertEqual(area.count([lut([1, 2], 3), cell("FDRE", {"D": [3]}, {"Q": [4]}), lut([4, 2], 5)])["depth"], 1)

    def test_another_module_ends_the_path(self):
        self.assertEqual(area.count([lut([1, 2], 3), cell("fifo", {"a": [3]}, {"b": [4]}), lut([4, 2], 5)])["depth"], 1)

    def test_a_chain_of_carries_counts_once(self):
        chain = [cell("CARRY4", {"CI": [10 + i], "S": ["0"]}, {"CO": [11 + i]}) for i in range(8)]
        self.assertEqual(area.count([lut([1, 2], 10), *chain, lut([18, 2], 20)])["depth"], 2)

    def test_operands_of_a_carry_count(self):
        self.assertEqual(area.count([lut([1, 2], 3), cell("CARRY4", {"CI": ["0"], "S": [3]}, {"O": [4]})])["depth"], 2)

    def test_wide_multiplexers_are_free(self):
        self.assertEqual(area.count([lut([1, 2], 3), cell("MUXF7", {"I0": [3], "I1": [4], "S": [5]}, {"O": [6]})])["depth"], 1)

    def test_distributed_ram_follows_its_address_alone(self):
        ram = cell("RAM32X1D", {"D": [3], "WE": [3], "DPRA0": [7]}, {"DPO": [8]})
        self.assertEqual(area.count([lut([1, 2], 3), lut([3, 3], 4), ram])["depth"], 2)
        self.assertEqual(area.count([lut([1, 2], 7), lut([8, 3], 4), ram])["depth"], 3)

    def test_a_loop_is_refused(self):
        with self.assertRaises(area.Problem):
            area.count([lut([1, 2], 3), lut([3, 4], 2)])


class Area(unittest.TestCase):
    def test_each_kind_is_counted(self):
        found = area.count([lut([1, 2], 3), cell("FDSE", {"D": [3]}, {"Q": [4]}), cell("RAM64M", {}, {}), cell("RAMB18E1", {}, {})])
        self.assertEqual((found["lut"], found["ff"], found["ram"]), (1, 1, 256 + 18432))


if __name__ == "__main__":
    unittest.main()
