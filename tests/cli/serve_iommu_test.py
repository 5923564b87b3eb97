#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture serve --function iommu: what Linux's drivers/iommu/riscv does in its probe, by messages."""
import json
import os
import select
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from program import PROGRAM, SEED, run
from vfio_user_client import COMMAND, CONFIG, LIMIT, Client, signalled

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


class ServeIommu(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.socket = Path(folder.name) / "iommu.sock"
        self.server = subprocess.Popen([PROGRAM, "serve", "--function", "iommu", "--socket", self.socket, "--seed", SEED, "--json"],
                                       text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for cleanup in (self.server.stdout.close, self.server.stderr.close, self.server.wait, self.server.kill):
            self.addCleanup(cleanup)
        self.assertTrue(select.select([self.server.stderr], [], [], LIMIT)[0])
        self.assertEqual(self.server.stderr.readline(), f"listening on {self.socket}\n")
        self.client = Client(self.socket)
        self.addCleanup(self.client.close)
        self.driver = LinuxDriver(self, self.client)

    def end(self):
        self.server.send_signal(signal.SIGTERM)
        output, error = self.server.communicate(timeout=LIMIT)
        self.assertEqual((self.server.returncode, error), (0, ""))
        return json.loads(output)

    def await_signal(self, fd):
        self.assertTrue(select.select([fd], [], [], LIMIT)[0], "no interrupt")
        self.assertEqual(signalled(fd), 1)

    def test_the_probe_of_linux_finds_what_it_needs_and_the_server_tells_of_it(self):
        self.driver.probe(self.client.share(MEMORY, SIZE))
        document = self.end()
        registers = document["client0"]["registers"]
        self.assertEqual(document["run"]["function"], "iommu")
        self.assertEqual(registers["ddtp"]["iommu_mode"], MODE_3LVL)
        self.assertEqual((registers["cqcsr"]["cqon"], registers["fqcsr"]["fqon"]), (1, 1))
        self.assertEqual((int(registers["cqh"]["index"], 16), int(registers["cqt"]["index"], 16)), (3, 3))
        self.assertEqual(document["client0"]["interrupts"], 0)
        self.assertEqual(document["client0"]["dma"]["file_read"], 3 * 16)

    def test_a_fault_interrupts_by_its_vector_once_its_record_is_there(self):
        memory = self.client.share(MEMORY, SIZE)
        events = self.driver.probe(memory)
        self.driver.write(TR_REQ_IOVA, 0x1234_5000, 8)
        self.driver.write(TR_REQ_CTL, 0x10 << 40 | 1 << 3 | 1, 8)
        self.await_signal(events[1])
        self.assertEqual(int.from_bytes(memory[RECORDS:RECORDS + 8], "little") & 0xfff, DDT_NOT_VALID)
        self.assertEqual(int.from_bytes(memory[RECORDS:RECORDS + 8], "little") >> 40, 0x10)
        self.assertEqual((self.driver.read(FQT), self.driver.read(IPSR)), (1, FIP))
        self.assertEqual([signalled(fd) for fd in events], [0] * 4)

    def test_an_illegal_command_interrupts_by_the_first_vector(self):
        events = self.driver.probe(self.client.share(MEMORY, SIZE))
        self.driver.command(63)
        self.await_signal(events[0])
        self.assertEqual(self.driver.read(CQCSR) & ILLEGAL, ILLEGAL)
        self.driver.write(IPSR, CIP)
        self.await_signal(events[0])  # its cause is still there

    def test_what_is_written_to_the_table_does_not_move_a_message(self):
        memory = self.client.share(MEMORY, SIZE)
        events = self.driver.probe(memory)
        self.client.write(0, 0x300, 8, MEMORY)
        self.client.write(0, 0x30c, 4, 1)
        self.driver.command(63)
        self.await_signal(events[0])
        self.assertEqual(memory[:8], bytes(8))

    def test_the_next_client_finds_it_off(self):
        self.driver.probe(self.client.share(MEMORY, SIZE))
        self.client.close()
        deadline = time.monotonic() + LIMIT
        while True:  # the server may still be busy with the one before
            try:
                client = Client(self.socket)
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline)
        self.addCleanup(client.close)
        driver = LinuxDriver(self, client)
        driver.probe(client.share(MEMORY, SIZE))
        self.assertEqual(self.end()["client1"]["registers"]["ddtp"]["iommu_mode"], MODE_3LVL)


class Options(unittest.TestCase):
    def test_a_function_that_there_is_not_is_named(self):
        code, _, error = run("serve", "--socket", os.devnull, "--function", "toaster")
        self.assertEqual(code, 2)
        self.assertIn("toaster", error)


if __name__ == "__main__":
    unittest.main()
