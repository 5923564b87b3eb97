#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""When Linux's RISC-V IOMMU driver is taken to have the card's IOMMU: by its log and by the served registers, both."""
import copy
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev.d" / "rehearse"))
import machine  # noqa: E402
import riscv  # noqa: E402

TOKEN = "0123456789abcdef"
FUNCTION = "0000:00:01.0"
REPORT = ["init", f"card {FUNCTION}", "driver iommu_pci", f"registered riscv-iommu@{FUNCTION}",
          *(f"end {step} exit 0" for step in riscv.STEPS), "done"]
LOG = ["queue #0 allocated 2^13 entries", "queue #1 allocated 2^12 entries",
       "Fault 258 devid: 0xabcde iotval: 123456000 iotval2: 0", "Fault 15 devid: 0x10 iotval: 3ffffff000 iotval2: 0",
       "Fault 15 devid: 0x10 iotval: 2a00000000 iotval2: 0", "Fault 258 devid: 0x11 iotval: 2a00000000 iotval2: 0"]
REGISTERS = {
    "ddtp": {"iommu_mode": 4, "busy": 0}, "icvec": {"civ": 0, "fiv": 1, "pmiv": 3, "piv": 2},
    "ipsr": {"cip": 0, "fip": 0, "pmip": 0, "pip": 0},
    "cqcsr": {"cqen": 1, "cie": 1, "cqmf": 0, "cmd_to": 0, "cmd_ill": 0, "fence_w_ip": 0, "cqon": 1, "busy": 0},
    "fqcsr": {"fqen": 1, "fie": 1, "fqmf": 0, "fqof": 0, "fqon": 1, "busy": 0},
    "cqh": {"index": "0x3"}, "cqt": {"index": "0x3"}, "fqh": {"index": "0x4"}, "fqt": {"index": "0x4"},
    "translations": {"count": "0x99"}, "tlb_hits": {"count": "0x80"}, "walk_reads": {"count": "0x40"}}
BEHIND = {"dma": {"file_read": 1 << 20, "file_written": 1 << 20}, "interrupts": 9, "error_replies": 0}
COUNTS = {"registers": REGISTERS, "interrupts": 1, "error_replies": 0, "behind": BEHIND}


def failed(lines=REPORT, log=LOG, counts=COUNTS, wrong=None):
    """Names of the failed checks."""
    console = "".join(f"[    1.0] iommu_pci {FUNCTION}: {line}\r\n" for line in log)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "console.log"
        path.write_text(console + "".join(f"aperture {TOKEN} {line}\r\n" for line in lines))
        return [check.what for check in riscv.judge(riscv.Boot(), machine.Report(path, TOKEN), wrong, [counts], path.read_text())
                if not check.ok]


def with_field(register, field, value):
    counts = copy.deepcopy(COUNTS)
    counts["registers"][register][field] = value
    return counts


class Judge(unittest.TestCase):
    def test_passes_what_is_complete(self):
        self.assertEqual(failed(), [])

    def test_says_what_went_wrong_with_the_machine(self):
        self.assertEqual(failed(wrong="no power"), ["machine"])

    def test_misses_the_end(self):
        self.assertEqual(failed(REPORT[:-1]), ["report"])

    def test_wants_the_driver_bound_and_registered_with_the_function(self):
        self.assertEqual(failed([line.replace("iommu_pci", "none") for line in REPORT]), ["driver"])
        self.assertEqual(failed([line.replace(f"iommu@{FUNCTION}", "iommu@0000:00:02.0") for line in REPORT]), ["driver"])

    def test_wants_both_queues_in_the_log(self):
        self.assertEqual(failed(log=LOG[1:]), ["log"])

    def test_sees_the_driver_complain(self):
        self.assertEqual(failed(log=[*LOG, "Hardware error: command execution timeout"]), ["log"])

    def test_wants_each_fault_once_and_no_other(self):
        self.assertEqual(failed(log=LOG[:2] + LOG[3:]), ["faults"])
        self.assertEqual(failed(log=[*LOG, LOG[2]]), ["faults"])
        self.assertEqual(failed(log=[line.replace("2a00000000", "2a00001000") for line in LOG]), ["faults"])
        self.assertEqual(failed(counts=with_field("fqt", "index", "0x5")), ["records"])

    def test_wants_every_step_ended_with_success(self):
        for step in riscv.STEPS:
            self.assertEqual(failed([line.replace(f"{step} exit 0", f"{step} exit 3") for line in REPORT]), [step])
            self.assertEqual(failed([line for line in REPORT if step not in line.split()]), [step])

    def test_wants_the_dma_to_have_gone_through_the_iommu(self):
        self.assertEqual(failed(counts=with_field("tlb_hits", "count", "0x0")), ["translated"])
        self.assertEqual(failed(counts=COUNTS | {"behind": BEHIND | {"dma": {"file_read": 1 << 20, "file_written": 4096}}}), ["DMA"])
        self.assertEqual(failed(counts=COUNTS | {"behind": BEHIND | {"interrupts": 0}}), ["completions"])

    def test_does_not_take_the_logs_word_for_it(self):
        self.assertEqual(failed(counts={}), ["directory", "cqcsr", "fqcsr", "commands", "records", "vectors", "DMA", "translated",
                                             "completions", "interrupts", "protocol"])

    def test_wants_the_device_directory_of_three_levels(self):
        self.assertEqual(failed(counts=with_field("ddtp", "iommu_mode", 1)), ["directory"])

    def test_wants_every_command_fetched_and_some(self):
        self.assertEqual(failed(counts=with_field("cqh", "index", "0x2")), ["commands"])
        none = with_field("cqh", "index", "0x0")
        none["registers"]["cqt"]["index"] = "0x0"
        self.assertEqual(failed(counts=none), ["commands"])

    def test_sees_errors_of_the_queues(self):
        self.assertEqual(failed(counts=with_field("cqcsr", "cmd_ill", 1)), ["cqcsr"])
        self.assertEqual(failed(counts=with_field("fqcsr", "fqof", 1)), ["fqcsr"])
        self.assertEqual(failed(counts=with_field("fqcsr", "fie", 0)), ["fqcsr"])

    def test_wants_the_drivers_vectors_and_none_pending(self):
        self.assertEqual(failed(counts=with_field("icvec", "fiv", 0)), ["vectors"])
        self.assertEqual(failed(counts=with_field("ipsr", "fip", 1)), ["vectors"])

    def test_wants_interrupts(self):
        self.assertEqual(failed(counts=COUNTS | {"interrupts": 0}), ["interrupts"])


if __name__ == "__main__":
    unittest.main()
