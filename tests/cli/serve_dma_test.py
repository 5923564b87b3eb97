#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture serve --function iommu --dma-socket: the card's DMA channels as a function of their own, behind the IOMMU."""
import json
import os
import select
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from linux_iommu_driver import CQH, DDTP, IODIR_INVAL_DDT, IOFENCE_C, MEMORY, MODE_3LVL, ROOT, SIZE, LinuxDriver
from program import PROGRAM, SEED, run
from vfio_user_client import COMMAND, CONFIG, LIMIT, Client, signalled

# docs/registers.md, block dma
CTRL, STATUS, DEVICE_ID, ADDRESS_MASK, RING_BASE, RECORD_BASE, RING_DEVICE_ID, RING_LOG2, TAIL = 0, 4, 8, 16, 24, 32, 40, 44, 52
CHANNEL = 0x1000  # bytes of one
COPY = 1
IRQ = 1 << 8  # in a descriptor
DEVICE = 0x10
RING, RECORD, SOURCE, TARGET = 0x1000, 0x2000, 0x3000, 0x5000  # in MEMORY
VALID = 1


class ServeDma(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sockets = [Path(folder.name) / name for name in ("iommu.sock", "dma.sock")]
        self.server = subprocess.Popen([PROGRAM, "serve", "--function", "iommu", "--socket", self.sockets[0], "--dma-socket",
                                        self.sockets[1], "--seed", SEED, "--json"],
                                       text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for cleanup in (self.server.stdout.close, self.server.stderr.close, self.server.wait, self.server.kill):
            self.addCleanup(cleanup)
        self.assertTrue(select.select([self.server.stderr], [], [], LIMIT)[0])
        self.assertEqual(self.server.stderr.readline(), f"listening on {self.sockets[0]}\n")
        self.driver = LinuxDriver(self, self.client(0))
        self.tables = self.driver.client.share(MEMORY, SIZE)
        self.driver.probe(self.tables)
        self.dma = self.client(1)
        self.dma.write(CONFIG, COMMAND, 2, 6)  # memory, bus master
        self.memory = self.dma.share(MEMORY, SIZE)

    def client(self, index):
        client = Client(self.sockets[index])
        self.addCleanup(client.close)
        return client

    def let_pass(self):
        """A context for the device without translation, in the IOMMU's memory."""
        for place, value in ((ROOT, (MEMORY + 0x1000) >> 12 << 10 | VALID), (0x1000, (MEMORY + 0x2000) >> 12 << 10 | VALID),
                             (0x2000 + 64 * DEVICE, VALID)):
            self.tables[place:place + 8] = value.to_bytes(8, "little")
        self.driver.command(IODIR_INVAL_DDT)
        self.driver.command(IOFENCE_C)
        self.driver.poll(CQH, 4, ~0, self.driver.tail)

    def write(self, offset, value, size=4, channel=0):
        self.dma.write(0, channel * CHANNEL + offset, size, value)

    def read(self, offset, size=4, channel=0):
        return self.dma.read(0, channel * CHANNEL + offset, size)

    def start(self, channel=0):
        for offset, value, size in ((DEVICE_ID, DEVICE, 4), (RING_DEVICE_ID, DEVICE, 4), (RING_BASE, MEMORY + RING, 8),
                                    (RECORD_BASE, MEMORY + RECORD, 8), (RING_LOG2, 3, 4), (TAIL, 0, 4), (CTRL, 3, 4)):
            self.write(offset, value, size, channel)

    def copy(self, job=0, channel=0):
        words = (COPY | IRQ, MEMORY + SOURCE, MEMORY + TARGET, 64)
        at = RING + 64 * job
        self.memory[at:at + 32] = b"".join(word.to_bytes(8, "little") for word in words)
        self.write(TAIL, job + 1, channel=channel)

    def await_signal(self, fd):
        self.assertTrue(select.select([fd], [], [], LIMIT)[0], "no interrupt")
        self.assertEqual(signalled(fd), 1)

    def end(self):
        self.server.send_signal(signal.SIGTERM)
        output, error = self.server.communicate(timeout=LIMIT)
        self.assertEqual(self.server.returncode, 0, error)
        return json.loads(output)

    def test_a_channel_reaches_its_own_clients_memory_by_tables_in_the_other_ones(self):
        self.let_pass()
        events = self.dma.events(4)
        self.memory[SOURCE:SOURCE + 64] = bytes(range(64))
        self.start(channel=2)
        self.copy(channel=2)
        self.await_signal(events[2])
        self.assertEqual(self.memory[TARGET:TARGET + 64], bytes(range(64)))
        self.assertEqual(self.tables[TARGET:TARGET + 64], bytes(64))
        document = self.end()
        self.assertEqual(document["dma_client0"]["dma"]["file_read"], 128)  # descriptor and source
        self.assertEqual(document["dma_client0"]["interrupts"], 1)
        self.assertEqual(document["client0"]["interrupts"], 0)
        self.assertGreater(int(str(document["client0"]["registers"]["translations"]["count"]), 0), 0)

    def test_an_acknowledged_interrupt_comes_again_and_no_other_does(self):
        self.let_pass()
        events = self.dma.events(4)
        self.start()
        self.copy(0)
        self.await_signal(events[0])
        self.copy(1)
        deadline = time.monotonic() + LIMIT
        while self.memory[RECORD + 63] >> 7 == 0:
            self.assertLess(time.monotonic(), deadline)
            self.read(STATUS)
        self.assertEqual(signalled(events[0]), 0)
        self.write(STATUS, 2)
        self.copy(2)
        self.await_signal(events[0])

    def test_without_a_context_it_is_refused(self):
        self.dma.events(4)
        self.start()
        self.copy()
        deadline = time.monotonic() + LIMIT
        while self.read(STATUS) & 4 == 0:  # ring_error
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.memory[RECORD:RECORD + 32], bytes(32))

    def test_its_reset_stops_it_and_leaves_the_iommu_alone(self):
        self.let_pass()
        self.start()
        self.write(ADDRESS_MASK, 0xffff_ffff, 8)
        before = self.driver.read(DDTP, 8)
        self.dma.exchange(13, b"")  # DEVICE_RESET
        self.dma.write(CONFIG, COMMAND, 2, 6)
        self.assertEqual([self.read(offset) for offset in (CTRL, STATUS, DEVICE_ID, RING_LOG2)], [0, 0, 0, 0])
        self.assertEqual([self.read(offset, 8) for offset in (ADDRESS_MASK, RING_BASE)], [(1 << 64) - 1, 0])
        self.assertEqual(self.driver.read(DDTP, 8), before)
        self.assertEqual(before & 0xf, MODE_3LVL)
        events = self.dma.events(4)
        self.start()
        self.copy()
        self.await_signal(events[0])

    def test_it_goes_on_with_the_next_client(self):
        self.let_pass()
        self.start()
        self.dma.close()
        deadline = time.monotonic() + LIMIT
        while True:  # the server may still be busy with the one before
            try:
                self.dma = self.client(1)
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline)
        self.dma.write(CONFIG, COMMAND, 2, 6)
        self.memory = self.dma.share(MEMORY, SIZE)
        events = self.dma.events(4)
        self.assertEqual(self.read(CTRL), 0)
        self.start()
        self.copy()
        self.await_signal(events[0])
        self.assertEqual(self.driver.read(DDTP, 8) & 0xf, MODE_3LVL)


class Options(unittest.TestCase):
    def test_the_card_has_its_channels_itself(self):
        code, _, error = run("serve", "--socket", os.devnull, "--dma-socket", os.devnull)
        self.assertEqual(code, 2)
        self.assertIn("--dma-socket", error)


if __name__ == "__main__":
    unittest.main()
