#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture serve --function iommu: the function that Linux's drivers/iommu/riscv binds, by messages."""
import json
import os
import select
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from linux_iommu_driver import (CIP, CQCSR, DDT_NOT_VALID, FIP, FQT, ILLEGAL, IPSR, MEMORY, MODE_3LVL, RECORDS, SIZE, TR_REQ_CTL,
                                TR_REQ_IOVA, LinuxDriver)
from program import PROGRAM, SEED, run
from vfio_user_client import LIMIT, Client, signalled


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
