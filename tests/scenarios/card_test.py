#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps on devices behind the card's IOMMU, on every card of this build (APERTURE_CARDS)."""
import os
import struct
import unittest

from scenario import ScenarioTest, step

A = step("ioas", name="a")
B = step("ioas", name="b")
D = {"name": "d", "device_id": "0x21"}
ATTACH = step("attach", device="d", ioas="a")
RAM = 0x80000000
LEAF = 0xD7  # V R W U A D


def dma(kind, expect=None, /, **keys):
    return step("dma", expect, device="d", kind=kind, **keys)


def entry(address, flags):
    return struct.pack("<Q", (address >> 12) << 10 | flags).hex()


class Card(ScenarioTest):
    def on_cards(self, *steps, devices=(D,), **more):
        for card in os.environ.get("APERTURE_CARDS", "model").split():
            with self.subTest(card=card):
                self.holds(*steps, devices=devices, arguments=("--card", card), **more)

    def test_formats_follow_windows(self):
        self.on_cards(A, step("attach", {"hitless": True, "format": "Sv57", "levels": 5}, device="d", ioas="a"), B,
                      step("require", ioas="b", windows=[{"name": "w", "base": 0, "size": 1 << 30}]),
                      step("replace", {"hitless": True, "format": "Sv39", "levels": 3}, device="d", ioas="b"),
                      step("ranges", {"ranges": [[0, (1 << 38) - 1], [0xFFFFFFC000000000, 0xFFFFFFFFFFFFFFFF]], "alignment": 4096}, ioas="b"))

    def test_a_directory_of_one_level_cannot_replace_without_a_gap(self):
        self.on_cards(A, B, ATTACH, step("replace", {"errno": "ok", "hitless": False}, device="d", ioas="b"), card={"straps": {"ddt_levels_max": 1}})

    def test_reservations_and_address_lines(self):
        narrow = {**D, "dma_bits": 40, "reserved": [{"first": "0xfee00000", "last": "0xfeefffff", "cause": "msi"}]}
        self.on_cards(A, ATTACH, step("ranges", {"ranges": [[0, 0xFEDFFFFF], [0xFEF00000, (1 << 40) - 1]]}, ioas="a"), devices=[narrow])

    def test_bad_memory_is_found_when_the_device_comes(self):
        self.on_cards(A, step("memory", name="m", size=0x1000), step("map", ioas="a", memory="m", length=0x2000, iova=0),
                      step("attach", "EFAULT", device="d", ioas="a"), step("unmap", ioas="a", all=True), ATTACH)

    def test_dirty_pages(self):
        self.on_cards(A, ATTACH, step("memory", name="m", size=0x4000), step("map", ioas="a", memory="m", length=0x4000, iova=0x10000),
                      step("dirty_tracking", ioas="a", enable=True), dma("fill", dst=0x11FFC, length=8, pattern=1), dma("crc", src=0x13000, length=8),
                      step("dirty", {"pages": [[0x11000, 0x12FFF]]}, ioas="a", first=0x10000, last=0x13FFF, page_size=4096, clear=True),
                      step("dirty", {"pages": []}, ioas="a", first=0x10000, last=0x13FFF, page_size=4096),
                      dma("fill", dst=0x12000, length=1), step("dirty", {"pages": [[0x12000, 0x12FFF]]}, ioas="a", first=0x10000, last=0x13FFF, page_size=4096),
                      card={"straps": {}})

    def test_a_guests_table_in_front(self):
        table = [step("write", memory="m", offset=0, data=entry(RAM + 0x1000, 1)), step("write", memory="m", offset=0x1000, data=entry(RAM + 0x2000, 1)),
                 step("write", memory="m", offset=0x2028, data=entry(RAM + 0x3000, LEAF)), step("write", memory="m", offset=0x2038, data=entry(0x90000000, LEAF))]
        self.on_cards(A, step("memory", name="m", size=0x10000, fill={"hex": "00"}), *table, step("write", memory="m", offset=0x3000, data="42"),
                      step("nest", "EINVAL", name="n", parent="a", device="d", table={"memory": "m", "offset": 0, "format": "Sv39"}),
                      step("map", ioas="a", memory="m", length=0x10000, iova=RAM),
                      step("nest", "EOPNOTSUPP", name="n", parent="a", device="d", table={"memory": "m", "offset": 0, "format": "Sv99"}),
                      step("nest", name="n", parent="a", device="d", table={"memory": "m", "offset": 0, "format": "Sv39"}),
                      dma("crc", {"errno": "ok", "crc": 0x4AD0CF31}, src=0x5000, length=1),
                      dma("crc", {"errno": "EFAULT", "fault": {"cause": 13, "iova": 0x6000}}, src=0x6000, length=1),
                      dma("crc", {"errno": "EFAULT", "fault": {"cause": 21, "iova": 0x7000}}, src=0x7000, length=1),
                      step("faults", {"faults": [{"cause": 13, "iotval2": 0}, {"cause": 21, "device_id": 0x21, "iova": 0x7000, "iotval2": 0x90000000}]}),
                      step("destroy", "EBUSY", ioas="a"), step("attach", device="d", ioas="a"), dma("crc", {"errno": "ok"}, src=RAM + 0x3000, length=1))

    def test_pages_on_demand_with_the_faults_of_those_refused(self):
        self.on_cards(A, ATTACH, step("memory", name="m", size=0x1000, readonly=True, fill={"hex": "42"}), step("handler", device="d", memory="m", ioas="a"),
                      dma("crc", {"errno": "ok", "crc": 0x4AD0CF31}, src=0x5000, length=1),
                      dma("fill", {"errno": "EFAULT", "fault": {"cause": 15, "iova": 0x5000, "write": True}}, dst=0x5000, length=8),
                      step("destroy", "EBUSY", ioas="a"), step("detach", device="d"), step("destroy", ioas="a"))

    def test_a_device_without_requests_has_no_handler(self):
        self.on_cards(A, step("memory", name="m", size=0x1000), step("handler", "EOPNOTSUPP", device="d", memory="m", ioas="a"),
                      card={"straps": {"capabilities": "0x3800000e10"}})

    def test_more_devices_than_channels(self):
        devices = [{"name": f"d{i}", "device_id": i + 1} for i in range(7)]
        steps = [A, step("memory", name="m", size=0x1000, fill={"hex": "42"}), step("map", ioas="a", memory="m", length=0x1000, iova=0x1000)]
        for one in devices:
            steps += [step("attach", device=one["name"], ioas="a"), step("dma", {"crc": 0x4AD0CF31}, device=one["name"], kind="crc", src=0x1000, length=1)]
        self.on_cards(*steps, step("detach", device="d3"), step("dma", {"errno": "EFAULT", "fault": {"cause": 258}}, device="d3", kind="crc", src=0x1000, length=1),
                      step("faults", {"faults": [{"device_id": 4}]}), devices=devices)

    def test_check_and_generate(self):
        self.on_cards(A, ATTACH, step("memory", name="m", size=0x2000), step("map", ioas="a", memory="m", length=0x2000, iova=0x10000),
                      dma("generate", {"bytes": 0x1000}, dst=0x10000, length=0x1000, pattern=5), dma("check", {"done": True}, src=0x10000, length=0x1000, pattern=5),
                      step("write", memory="m", offset=77, data="0000000000000000"), dma("check", {"errno": "EIO", "done": False, "bytes": 77}, src=0x10000, length=0x1000, pattern=5),
                      dma("stray", {"errno": "ok"}, dst=0x11000, pattern="0x0102030405060708"), step("read", {"data": "0807060504030201"}, memory="m", offset=0x1000, length=8))


if __name__ == "__main__":
    unittest.main()
