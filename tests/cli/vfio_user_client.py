# SPDX-License-Identifier: Apache-2.0
"""A client of a served function that knows the protocol alone: messages, memory that it shares, eventfds."""
import array
import mmap
import os
import socket
import struct

VERSION, DMA_MAP, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE = 1, 2, 4, 5, 7, 8, 9, 10
HEADER = struct.Struct("=HHIII")
CONFIG = 7  # region
MSIX = 2  # interrupt index
COMMAND = 4  # in the configuration space
LIMIT = 60


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(LIMIT)
        self.socket.connect(str(path))
        self.id = 0
        self.exchange(VERSION, struct.pack("=HH", 0, 0) + b'{"capabilities":{"max_msg_fds":16,"max_data_xfer_size":1048576}}\0')

    def receive(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError("the server is gone")
            data += more
        return data

    def exchange(self, command, payload, fds=()):
        self.id += 1
        message = HEADER.pack(self.id, command, HEADER.size + len(payload), 0, 0) + payload
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([message], rights)
        identity, answered, size, flags, error = HEADER.unpack(self.receive(HEADER.size))
        reply = self.receive(size - HEADER.size)
        if (identity, answered, flags & 0xf) != (self.id, command, 1):
            raise ValueError(f"not the reply to command {command}: {identity}, {answered}, flags {flags:#x}")
        if flags & 0x20:
            raise OSError(error, os.strerror(error))
        return reply

    def read(self, region, offset, size):
        reply = self.exchange(REGION_READ, struct.pack("=QII", offset, region, size))
        return int.from_bytes(reply[16:], "little")

    def write(self, region, offset, size, value):
        self.exchange(REGION_WRITE, struct.pack("=QII", offset, region, size) + value.to_bytes(size, "little"))

    def share(self, address, size):
        """Memory of the client that the function reaches at `address`."""
        fd = os.memfd_create("memory")
        os.ftruncate(fd, size)
        self.exchange(DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, address, size), [fd])
        memory = mmap.mmap(fd, size)
        os.close(fd)
        return memory

    def events(self, count):
        """An eventfd for each of the first `count` vectors."""
        fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(count)]
        self.exchange(SET_IRQS, struct.pack("=IIIII", 20, 0x24, MSIX, 0, count), fds)
        return fds

    def irq_count(self):
        return struct.unpack("=IIII", self.exchange(GET_IRQ_INFO, struct.pack("=IIII", 16, 0, MSIX, 0)))[3]

    def close(self):
        self.socket.close()


def signalled(fd):
    """How often since the last call."""
    try:
        return os.eventfd_read(fd)
    except BlockingIOError:
        return 0
