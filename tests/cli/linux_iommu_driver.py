# SPDX-License-Identifier: Apache-2.0
"""What Linux's drivers/iommu/riscv does in its probe, by messages to a served IOMMU."""
import time

from vfio_user_client import COMMAND, CONFIG, LIMIT

# RISC-V IOMMU, chapter 6
CAPABILITIES, FCTL, DDTP, CQB, CQH, CQT, FQB, FQH, FQT = 0, 8, 16, 24, 32, 36, 40, 48, 52
CQCSR, FQCSR, IPSR, TR_REQ_IOVA, TR_REQ_CTL, ICVEC = 72, 76, 84, 600, 608, 760
ENABLE, INTERRUPT, MEMORY_FAULT, ILLEGAL, ON, BUSY = 1, 2, 1 << 8, 1 << 10, 1 << 16, 1 << 17
CIP, FIP = 1, 2
MODE_3LVL = 4
COMMANDS_LOG2, RECORDS_LOG2 = 13, 12
# Chapter 4
IOTINVAL_VMA, IOFENCE_C, IODIR_INVAL_DDT = 1, 2, 3
FENCE_PR_PW = 3 << 12
DDT_NOT_VALID = 258

MEMORY, SIZE = 0x8000_0000, 0x10_0000
ROOT, COMMANDS, RECORDS = 0x0, 0x4_0000, 0x8_0000  # in it


class LinuxDriver:
    """Its registers in its order and with its widths."""

    def __init__(self, test, client):
        self.test = test
        self.client = client
        self.tail = 0

    def read(self, offset, size=4):
        return self.client.read(0, offset, size)

    def write(self, offset, value, size=4):
        self.client.write(0, offset, size, value)

    def poll(self, offset, size, bits, value):
        deadline = time.monotonic() + LIMIT
        while self.read(offset, size) & bits != value:
            self.test.assertLess(time.monotonic(), deadline, f"register {offset}: {self.read(offset, size):#x}")

    def start_queue(self, base, index, csr, log2, place, pending):
        self.write(base, 0x1f, 8)
        self.test.assertGreaterEqual((self.read(base, 8) & 0x1f) + 1, log2)
        wanted = (MEMORY + place) >> 12 << 10 | (log2 - 1)
        self.write(base, wanted, 8)
        self.test.assertEqual(self.read(base, 8), wanted)
        self.write(index, 0)
        self.write(csr, ENABLE | INTERRUPT | MEMORY_FAULT)
        self.poll(csr, 4, BUSY, 0)
        self.test.assertEqual(self.read(csr) & (ON | MEMORY_FAULT), ON)
        self.write(IPSR, pending)

    def probe(self, memory):
        """Returns the eventfds of its vectors."""
        self.memory = memory
        client, test = self.client, self.test
        test.assertEqual(client.read(CONFIG, 0, 4), 0x0008_1efd)
        client.write(CONFIG, COMMAND, 2, 6)  # memory, bus master
        capabilities = self.read(CAPABILITIES, 8)
        test.assertEqual(capabilities & 0xff, 0x10)
        test.assertEqual(capabilities >> 28 & 3, 0, "interrupts are messages")
        test.assertEqual(self.read(FCTL) & 3, 0)
        vectors = min(client.irq_count(), 4)
        events = client.events(vectors)
        test.assertEqual(self.read(DDTP, 8) & 0x1f, 0)
        icvec = 1 % vectors << 4 | 2 % vectors << 12 | 3 % vectors << 8
        self.write(ICVEC, icvec, 8)
        test.assertEqual(self.read(ICVEC, 8), icvec)
        self.write(DDTP, 0, 8)
        test.assertEqual(self.read(DDTP, 8) >> 10, 0)
        self.start_queue(CQB, CQT, CQCSR, COMMANDS_LOG2, COMMANDS, CIP)
        self.start_queue(FQB, FQH, FQCSR, RECORDS_LOG2, RECORDS, FIP)
        ddtp = (MEMORY + ROOT) >> 12 << 10 | MODE_3LVL
        self.write(DDTP, ddtp, 8)
        self.poll(DDTP, 8, 0x10, 0)
        test.assertEqual(self.read(DDTP, 8), ddtp)
        self.command(IODIR_INVAL_DDT)
        self.command(IOTINVAL_VMA)
        self.command(IOFENCE_C | FENCE_PR_PW)
        self.poll(CQH, 4, ~0, self.tail)
        return events

    def command(self, low):
        at = COMMANDS + 16 * self.tail
        self.memory[at:at + 16] = low.to_bytes(16, "little")
        self.tail += 1
        self.write(CQT, self.tail)
