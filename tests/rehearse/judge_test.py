#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal takes for a passed one: nothing that is missing, old, skipped or not seen by the server as well."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev.d" / "rehearse"))
import machine  # noqa: E402
import rehearsal  # noqa: E402
from boots import Boot  # noqa: E402

TOKEN = "0123456789abcdef"
BOOT = Boot("name", "what", (), 39, "type1", ("demo", "cosim"))
GOOD = ["init", "card 0000:01:00.0", "end modules exit 0", "end bind exit 0", "end demo exit 0",
        "end cosim exit 0 PASSED 40 SKIPPED 2", "done"]
COUNTS = {"received": {"REGION_READ": 5000, "REGION_WRITE": 5000, "DMA_MAP": 500, "DMA_UNMAP": 400},
          "dma": {"file_read": 1 << 24, "file_written": 1 << 24, "message_read": 0, "message_written": 0, "unsupported": 1},
          "interrupts": 3, "error_replies": 0}
FAULT = "[   41.386157] DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr 0x400000 [fault reason 0x06] PTE Read access"


def failed(lines=GOOD, counts=COUNTS, wrong=None, token=TOKEN, boot=BOOT, console=FAULT):
    """Names of the failed checks when the guest reported `lines` with `token`."""
    counts = counts if isinstance(counts, list) else [counts]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.log"
        path.write_text("".join(f"aperture {token} {line}\r\n" for line in lines))
        report = machine.Report(path, TOKEN)
        return [check.what for check in rehearsal.judge(boot, report, wrong, counts, console) if not check.ok]


def without(line):
    return [other for other in GOOD if other != line]


class Judge(unittest.TestCase):
    def test_passes_what_is_complete(self):
        self.assertEqual(failed(), [])

    def test_does_not_take_the_report_of_another_boot(self):
        self.assertEqual(failed(token="fedcba9876543210"), ["report", "modules", "bind", "demo", "cosim", "refused"])

    def test_misses_a_step(self):
        self.assertEqual(failed(without("end demo exit 0")), ["demo"])

    def test_misses_the_end(self):
        self.assertEqual(failed(without("done")), ["report"])

    def test_sees_an_exit_code(self):
        self.assertEqual(failed(without("end demo exit 0") + ["end demo exit 3"]), ["demo"])

    def test_does_not_take_tests_that_were_all_skipped(self):
        lines = without(GOOD[5]) + ["end cosim exit 0 PASSED 0 SKIPPED 42"]
        self.assertEqual(failed(lines), ["cosim"])

    def test_says_what_went_wrong_with_the_machine(self):
        self.assertEqual(failed(wrong="no power"), ["machine"])

    def test_does_not_take_the_guests_word_for_it(self):
        self.assertEqual(failed(counts={}), ["registers", "maps", "DMA", "interrupts", "protocol", "refused"])

    def test_wants_memory_to_go_the_way_the_boot_is_about(self):
        by_message = Boot("name", "what", (), 39, "type1", ("demo", "cosim"), shared_memory=False)
        self.assertEqual(failed(boot=by_message), ["DMA"])

    def test_wants_the_kernel_to_name_the_card_as_refused(self):
        self.assertEqual(failed(console=FAULT.replace("01:00.0", "00:04.0")), ["refused"])

    def test_wants_interrupts(self):
        self.assertEqual(failed(counts=COUNTS | {"interrupts": 0}), ["interrupts"])

    def test_counts_refused_requests(self):
        self.assertEqual(failed(counts=COUNTS | {"error_replies": 1}), ["protocol"])

    def test_wants_each_of_two_cards_driven(self):
        two = Boot("name", "what", (), 39, "type1", ("demo", "cosim"), cards=2)
        self.assertEqual(failed(boot=two, counts=[COUNTS, COUNTS]), [])
        self.assertEqual(failed(boot=two, counts=[COUNTS, COUNTS | {"interrupts": 0}]), ["interrupts 2"])

    def test_wants_a_card_plugged_in(self):
        plugged = Boot("name", "what", (), 39, "type1", ("demo", "cosim"), plugged=True)
        self.assertEqual(failed(boot=plugged), ["plug"])
        self.assertEqual(failed([*GOOD, "end plug exit 0"], boot=plugged), [])

    def test_knows_virtios_word_for_a_refusal(self):
        virtio = Boot("name", "what", (), 39, "type1", ("demo", "cosim"), faults_of="EP 256 ")
        told = "[   41.386157] virtio_iommu virtio0: page fault from EP 256 at 0x400000 [R]"
        self.assertEqual(failed(boot=virtio, console=told), [])
        self.assertEqual(failed(boot=virtio, console=told.replace("256", "32")), ["refused"])


class Summary(unittest.TestCase):
    def test_has_a_line_a_boot(self):
        other = Boot("other", "what else", (), 39, "type1")
        checks = [rehearsal.Check("name", "a", True, ""), rehearsal.Check("name", "b", False, ""), rehearsal.Check("other", "a", True, "")]
        lines = list(rehearsal.summary([BOOT, other], checks, {"name": 61.4, "other": 3}))
        self.assertEqual([line.split() for line in lines[1:]],
                         [["name", "FAILED", "1/2", "61", "s", "what"], ["other", "ok", "1/1", "3", "s", "what", "else"]])


if __name__ == "__main__":
    unittest.main()
