#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each step by itself, on devices in memory. What is expected is what Linux's iommufd does, or docs/scenarios.md beyond it."""
import unittest
import zlib

from scenario import ScenarioTest, device, step

ALL = [[0, 0xFFFFFFFFFFFFFFFF]]
MAX = 0xFFFFFFFFFFFFFFFF
A = step("ioas", name="a")
B = step("ioas", name="b")
D = device("d")
ATTACH = step("attach", device="d", ioas="a")


def memory(size=0x400000, **more):
    return step("memory", name="m", size=size, **more)


def map_(length, expect=None, offset=0, **more):
    where = {} if "mirror" in more else {"ioas": more.pop("ioas", "a")}
    return step("map", expect, memory="m", length=length, offset=offset, **where, **more)


class Maps(ScenarioTest):
    def test_automatic_addresses_are_those_of_linux(self):
        self.holds(A, memory(), map_(0x1000, {"iova": 0x1000}), step("unmap", ioas="a", all=True),
                   map_(0x3000, {"iova": 0x4000}), step("unmap", ioas="a", all=True), map_(0x200000, {"iova": 0x200000}),
                   map_(0, "EINVAL"))

    def test_automatic_addresses_follow_aperture_and_alignment(self):
        narrow = device("d", [0x1000000, 0x7FFFFFFF])
        narrow["domain"]["page_sizes"] = 0x800
        self.holds(A, ATTACH, memory(), map_(0x1000, {"iova": 0x1000000}), map_(0x800, {"iova": 0x1001000}),
                   step("memory", name="odd", size=0x1000, align=0x400), step("map", "EINVAL", ioas="a", memory="odd", length=0x800),
                   devices=[narrow])

    def test_an_automatic_address_keeps_the_place_in_the_page(self):
        self.holds(A, step("memory", name="odd", size=0x1000, align=0x400), step("map", {"iova": 0x1400}, ioas="a", memory="odd", length=0x400))

    def test_checks_come_in_the_order_of_linux(self):
        self.holds(A, memory(), map_(0x1000, "EOVERFLOW", iova=MAX, prot=""), map_(0x1000, "EINVAL", iova=0, prot=""),
                   map_(MAX - 1, "EOVERFLOW", iova=0), map_(0x1000, "EOVERFLOW", iova=MAX - 1),
                   step("reserve", ioas="a", first=0x10000, last=0x10FFF, cause="user"), map_(0x1000, iova=0x11000),
                   map_(0x2000, "EINVAL", iova=0x10000), map_(0x1000, "EEXIST", iova=0x11800))

    def test_numbers_are_judged_before_the_space_is_looked_for(self):
        def copied(expect, length=0x1000, from_="a", to="b", **more):
            return step("copy", expect, from_=from_, from_iova=0, length=length, to=to, **more)
        self.holds(A, B, memory(), map_(0x1000, iova=0), step("destroy", ioas="b"),
                   map_(0x1000, "EOVERFLOW", ioas="b", iova=MAX, prot=""), map_(MAX, "EOVERFLOW", ioas="b"), map_(0x1000, "EINVAL", ioas="b", prot=""),
                   map_(0, "ENOENT", ioas="b"), step("unmap", "ENOENT", ioas="b", iova=MAX, length=1),
                   copied("EOVERFLOW", length=MAX), copied("EOVERFLOW", iova=MAX), copied("EINVAL", prot=""), copied("ENOENT"),
                   copied("EOVERFLOW", length=MAX, from_="b", to="a"), copied("EINVAL", prot="", from_="b", to="a"), copied("ENOENT", from_="b", to="a"))

    def test_a_sub_page_map_makes_a_later_attach_fail(self):
        self.holds(A, memory(), map_(100, iova=12345), step("attach", {"errno": "EADDRINUSE", "report": {"maps_blocked": [
            {"first": 12345, "last": 12444, "cause": "granule", "device": "d"}]}}, device="d", ioas="a"),
            step("unmap", {"length": 100}, ioas="a", iova=12345, length=100), ATTACH, devices=[D])

    def test_memory_that_is_not_there_is_found_when_a_device_comes(self):
        self.holds(A, memory(0x1000), map_(0x2000, iova=0x1000), step("attach", "EFAULT", device="d", ioas="a"),
                   step("ranges", {"ranges": ALL, "alignment": 1}, ioas="a"), devices=[D])

    def test_memory_that_is_not_there_is_found_at_once_with_a_device(self):
        self.holds(A, ATTACH, memory(0x1000), map_(0x1000, "EFAULT", offset=0x1000, iova=0x1000),
                   map_(0x1000, "EFAULT", offset="0x4000000000", iova=0x1000), map_(0x1000, "EOVERFLOW", offset=MAX, iova=0x1000), devices=[D])

    def test_read_only_memory_cannot_be_mapped_for_writes(self):
        self.holds(A, ATTACH, memory(0x1000, readonly=True, fill={"hex": "11"}), map_(0x1000, "EFAULT", iova=0x1000),
                   map_(0x1000, iova=0x1000, prot="r"), step("write", "EFAULT", memory="m", data="00"), devices=[D])

    def test_a_file_gives_addresses_by_its_offset(self):
        self.holds(A, memory(0x400000, backing="file", align=0x1000), map_(0x1000, {"iova": 0x1000}),
                   map_(0x200000, {"iova": 0x200000}, offset=0x200000), map_(0x1000, "EINVAL", offset=0x400000))

    def test_unmap_is_all_or_nothing(self):
        self.holds(A, memory(), map_(0x1000, iova=0x1000), map_(0x2000, iova=0x2000),
                   step("unmap", "ENOENT", ioas="a", iova=0x1000, length=0x2000), step("unmap", "ENOENT", ioas="a", iova=0x8000, length=1),
                   step("unmap", "EINVAL", ioas="a", iova=0x1000, length=0), step("unmap", "EOVERFLOW", ioas="a", iova=MAX, length=1),
                   step("unmap", {"length": 0x3000}, ioas="a", iova=0x1000, length=0x3000), step("unmap", {"errno": "ok", "length": 0}, ioas="a", all=True))

    def test_a_copy_shares_pins(self):
        self.holds(A, B, memory(0x2000), map_(0x2000, iova=0x10000), step("copy", {"iova": 0x2000}, from_="a", from_iova=0x11000, length=0x1000, to="b", iova=0x2000),
                   step("copy", "ENOENT", from_="a", from_iova=0x11000, length=0x2000, to="b"), step("copy", "EINVAL", from_="a", from_iova=0x11000, length=0, to="b"),
                   step("attach", device="d", ioas="b"), step("pins", {"pinned": 0x2000, "references": 2}, memory="m"),
                   step("unmap", ioas="a", all=True), step("pins", {"pinned": 0x2000, "references": 1}, memory="m"),
                   step("unmap", ioas="b", all=True), step("pins", {"pinned": 0, "references": 0}, memory="m"), devices=[D])

    def test_a_copy_of_a_read_only_map_cannot_be_written(self):
        self.holds(A, B, memory(0x1000), map_(0x1000, iova=0x1000, prot="r"), step("copy", "EPERM", from_="a", from_iova=0x1000, length=0x1000, to="b"),
                   step("copy", from_="a", from_iova=0x1000, length=0x1000, to="b", prot="r"))


class Spaces(ScenarioTest):
    def test_the_allow_list_is_that_of_linux(self):
        self.holds(A, memory(), step("allow", "EINVAL", ioas="a", ranges=[[5, 5]]), step("allow", "EINVAL", ioas="a", ranges=[[0, 9], [5, 20]]),
                   step("allow", ioas="a", ranges=[[0x100000, 0x1FFFFF]]), step("allowed", {"ranges": [[0x100000, 0x1FFFFF]]}, ioas="a"),
                   map_(0x1000, {"iova": 0x100000}), map_(0x1000, iova=0x900000), step("ranges", {"ranges": ALL}, ioas="a"),
                   step("reserve", "EADDRINUSE", ioas="a", first=0x1FF000, last=0x2FFFFF, cause="user"),
                   step("allow", ioas="a", ranges=[]), step("allowed", {"ranges": []}, ioas="a"),
                   step("reserve", ioas="a", first=0x1FF000, last=0x2FFFFF, cause="user"),
                   step("allow", "EADDRINUSE", ioas="a", ranges=[[0x100000, 0x1FF000]]))

    def test_reservations_come_and_go(self):
        self.holds(A, step("reserve", ioas="a", first=0, last=0xFFF, cause="msi"), step("reserve", ioas="a", first=0, last=0xFFF, cause="user"),
                   step("ranges", {"ranges": [[0x1000, MAX]], "generation": 2}, ioas="a"), step("unreserve", ioas="a", first=0, last=0xFFF, cause="user"),
                   step("ranges", {"ranges": [[0x1000, MAX]]}, ioas="a"), step("unreserve", ioas="a", first=0, last=0xFFF),
                   step("ranges", {"ranges": ALL}, ioas="a"), step("unreserve", "ENOENT", ioas="a", first=0, last=0xFFF),
                   step("reserve", "EINVAL", ioas="a", first=2, last=1, cause="user"))

    def test_a_reservation_goes_by_its_cause(self):
        self.holds(A, step("reserve", ioas="a", first=0, last=0xFFF, cause="user"), step("reserve", ioas="a", first=0, last=0xFFF, cause="msi"),
                   step("unreserve", "ENOENT", ioas="a", first=0, last=0xFFF, cause="guard"), step("unreserve", ioas="a", first=0, last=0xFFF, cause="msi"),
                   step("events", {"events": [{"kind": "unreserved", "cause": "msi"}]}, ioas="a", since=2),
                   step("unreserve", "ENOENT", ioas="a", first=0, last=0xFFF, cause="msi"), step("unreserve", ioas="a", first=0, last=0xFFF, cause="user"),
                   step("ranges", {"ranges": ALL}, ioas="a"))

    def test_ranges_that_do_not_fit_are_counted(self):
        self.holds(A, step("reserve", ioas="a", first=0x1000, last=0x1FFF, cause="user"),
                   step("ranges", {"errno": "EMSGSIZE", "ranges": [[0, 0xFFF]], "total": 2}, ioas="a", capacity=1),
                   step("ranges", {"errno": "ok", "total": 2}, ioas="a", capacity=2))

    def test_destroying(self):
        self.holds(A, memory(0x1000), map_(0x1000), ATTACH, step("destroy", "EBUSY", ioas="a"), step("detach", device="d"), step("destroy", ioas="a"),
                   step("destroy", "ENOENT", ioas="a"), map_(0x1000, "ENOENT"), step("attach", "ENOENT", device="d", ioas="a"), A,
                   step("ranges", {"generation": 0}, ioas="a"), devices=[D])

    def test_huge_pages(self):
        self.holds(A, memory(), step("option", ioas="a", huge_pages=False), step("ranges", {"alignment": 4096}, ioas="a"), map_(100, "EINVAL", iova=0),
                   step("option", ioas="a", huge_pages=True), map_(100, iova=0), step("option", "EADDRINUSE", ioas="a", huge_pages=False),
                   step("unmap", ioas="a", all=True), map_(0x1000, iova=0), ATTACH, step("option", "EINVAL", ioas="a", huge_pages=False), devices=[D])

    def test_clones(self):
        self.holds(A, memory(), map_(0x2000, iova=0x10000), step("allow", ioas="a", ranges=[[0, 0xFFFFF]]),
                   step("ioas", name="all", from_="a"), step("allowed", {"ranges": [[0, 0xFFFFF]]}, ioas="all"),
                   step("ioas", name="part", from_="a", ranges=[[0x11000, 0x1FFFF]], rebase=0x1000000),
                   step("unmap", {"length": 0x1000}, ioas="part", iova=0x1011000, length=0x1000), step("unmap", {"length": 0x2000}, ioas="all", all=True),
                   step("ioas", "EINVAL", name="bad", from_="a", ranges=[[5, 4]]), step("ranges", "ENOENT", ioas="bad"),
                   step("ioas", "EOVERFLOW", name="wrap", from_="a", rebase=MAX - 0x10FFF), step("ioas", "EEXIST", name="all", from_="a"))

    def test_mirrors(self):
        self.holds(A, B, memory(), map_(0x1000, iova=0x5000, ioas="b"), step("mirror", name="x", members=["a"]), map_(0x1000, {"iova": 0x1000}, mirror="x"),
                   step("mirror_join", "EEXIST", mirror="x", ioas="a"), step("mirror_join", mirror="x", ioas="b"),
                   step("pins", {"references": 3}, memory="m"), map_(0x1000, {"errno": "EEXIST", "blocked_by": "b"}, mirror="x", iova=0x5000),
                   step("unmap", {"length": 0x1000}, mirror="x", iova=0x1000, length=0x1000), step("pins", {"references": 1}, memory="m"),
                   map_(0x1000, iova=0x5000, ioas="a"), step("mirror_leave", mirror="x", ioas="a"), map_(0x1000, "EEXIST", mirror="x", iova=0x5000),
                   step("mirror_leave", "ENOENT", mirror="x", ioas="a"))

    def test_a_joiner_that_cannot_is_named(self):
        self.holds(A, B, memory(), step("mirror", name="x", members=["a"]), map_(0x1000, iova=0x5000, mirror="x"), map_(0x1000, iova=0x5000, ioas="b"),
                   step("mirror_join", {"errno": "EEXIST", "blocked_by": "b"}, mirror="x", ioas="b"),
                   step("mirror", {"errno": "EEXIST", "blocked_by": None}, name="x", members=[]))

    def test_projections(self):
        self.holds(A, B, memory(), map_(0x2000, iova=0x10000), step("project", name="p", from_="a", first=0x11000, last=0x1FFFF, to="b", at=0),
                   step("unmap", {"length": 0x1000}, ioas="b", iova=0, length=0x1000), map_(0x1000, iova=0x12000),
                   step("unmap", {"length": 0x1000}, ioas="b", iova=0x1000, length=0x1000), step("project", "EINVAL", name="q", from_="b", first=0, last=1, to="a", at=0),
                   map_(0x1000, iova=0x13000), step("unproject", name="p"), step("unmap", "ENOENT", ioas="b", iova=0x2000, length=0x1000),
                   step("unproject", "ENOENT", name="p"), step("project", "EINVAL", name="q", from_="a", first=1, last=0, to="b", at=0),
                   step("project", "EOVERFLOW", name="q", from_="a", first=0, last=0xFFF, to="b", at=MAX))

    def test_transactions(self):
        inner = [step("map", ioas="a", memory="m", length=0x1000, iova=0x1000), step("attach", device="d", ioas="a")]
        self.holds(A, memory(), step("transaction", {"errno": "ENOMEM", "applied": 0}, steps=inner, fail_at=2),
                   step("unmap", "ENOENT", ioas="a", iova=0x1000, length=0x1000), step("transaction", {"errno": "ok", "applied": 2}, steps=inner, fail_at=3),
                   step("transaction", {"errno": "EEXIST", "applied": 0}, steps=[step("reserve", ioas="a", first=0x8000, last=0x8FFF, cause="user"), inner[0]]),
                   step("ranges", {"ranges": ALL}, ioas="a"), step("transaction", {"applied": 0}, steps=[]), devices=[D])

    def test_steps_of_a_transaction_may_expect(self):
        self.holds(A, memory(), step("transaction", {"applied": 1}, steps=[map_(0x1000, {"iova": 0x1000})]),
                   step("transaction", "EEXIST", steps=[map_(0x1000, "EEXIST", iova=0x1000)]))
        (_, _, result) = self.results(A, memory(), step("transaction", steps=[map_(0x1000, {"iova": 0x2000})]))
        self.assertEqual(result["steps"][0]["iova"], 0x1000)


class Windows(ScenarioTest):
    W = {"name": "w", "size": 0x10000}

    def test_errors(self):
        base = {**self.W, "base": 0x10000}
        self.holds(A, step("require", "EINVAL", ioas="a", windows=[{"name": "w", "size": 0}]), step("require", "EINVAL", ioas="a", windows=[{**self.W, "align": 3}]),
                   step("require", ioas="a", windows=[base]), step("require", "EEXIST", ioas="a", windows=[base]),
                   step("require", "EADDRINUSE", ioas="a", windows=[{**base, "name": "v"}]),
                   step("require", "ENOSPC", ioas="a", windows=[{"name": "u", "size": "0xffffffffffff0000"}]),
                   step("reserve", {"errno": "EADDRINUSE", "report": {"windows": [{"name": "w", "verdict": "blocked"}]}}, ioas="a", first=0x1F000, last=0x2FFFF, cause="user"),
                   step("release", ioas="a", window="w"), step("release", "ENOENT", ioas="a", window="w"), step("bind", "ENOENT", ioas="a", window="w"))

    def test_a_provisional_window_moves_until_it_is_bound(self):
        self.holds(A, step("require", {"windows": [{"first": 0x1000, "last": 0x10FFF, "provisional": True}]}, ioas="a", windows=[self.W]),
                   step("reserve", ioas="a", first=0, last=0xFFFFF, cause="user"), step("bind", {"first": 0x100000, "last": 0x10FFFF}, ioas="a", window="w"),
                   step("reserve", "EADDRINUSE", ioas="a", first=0x100000, last=0x100FFF, cause="user"))

    def test_a_base_suits_every_device_of_the_file(self):
        self.holds(A, step("require", {"windows": [{"first": 0x80000000}]}, ioas="a", windows=[self.W]),
                   devices=[device("d", reserved=[{"first": 0, "last": 0x7FFFFFFF, "cause": "reserved"}])])

    def test_fixed_maps_keep_the_granule_and_automatic_ones_stay_out(self):
        self.holds(A, memory(), step("require", ioas="a", windows=[{**self.W, "base": 0, "granule": 0x4000}]), map_(0x1000, "EINVAL", iova=0),
                   map_(0x4000, iova=0x4000), map_(0x1000, {"iova": 0x10000}))

    def test_releasing_with_maps(self):
        self.holds(A, memory(), step("require", ioas="a", windows=[{**self.W, "base": 0x10000}]), map_(0x2000, iova=0x1F000),
                   step("release", "ENOENT", ioas="a", window="w", drop_maps=True), step("unmap", ioas="a", all=True), map_(0x1000, iova=0x1F000),
                   step("release", {"length": 0x1000}, ioas="a", window="w", drop_maps=True))


class Devices(ScenarioTest):
    NARROW = device("n", [0, 0xFFFFFFF])

    def test_attaching_and_detaching(self):
        self.holds(A, B, step("replace", "EINVAL", device="d", ioas="a"), step("detach", device="d"), ATTACH, step("attach", device="d", ioas="b"),
                   step("ranges", {"alignment": 1}, ioas="a"), step("ranges", {"alignment": 4096}, ioas="b"), step("detach", device="d", ioas="a"),
                   step("ranges", {"alignment": 4096}, ioas="b"), step("detach", device="d", ioas="b"), step("ranges", {"alignment": 1}, ioas="b"),
                   step("attach", "EINVAL", device="d", ioas="a", process_id=0), step("detach", "EINVAL", device="d", process_id=0), devices=[D])

    def test_a_refused_attach_changes_nothing(self):
        self.holds(A, memory(), map_(0x1000, iova=0x10000000), step("attach", {"errno": "EADDRINUSE", "report": {"ok": False, "maps_blocked": [{"cause": "aperture", "device": "n"}]}}, device="n", ioas="a"),
                   step("ranges", {"ranges": ALL, "alignment": 1, "generation": 0}, ioas="a"), devices=[self.NARROW])

    def test_a_refused_replace_changes_nothing(self):
        self.holds(A, B, memory(), map_(0x1000, iova=0x10000000, ioas="b"), step("attach", device="n", ioas="a"), step("replace", "EADDRINUSE", device="n", ioas="b"),
                   step("ranges", {"ranges": [[0, 0xFFFFFFF]]}, ioas="a"), step("ranges", {"ranges": ALL}, ioas="b"), devices=[self.NARROW])

    def test_ranges_widen_when_a_device_goes(self):
        self.holds(A, step("attach", device="n", ioas="a"), step("attach", device="d", ioas="a"), step("ranges", {"ranges": [[0, 0xFFFFFFF]]}, ioas="a"),
                   step("detach", device="n"), step("ranges", {"ranges": ALL, "alignment": 4096}, ioas="a"), devices=[D, self.NARROW])

    def test_pages_of_more_than_4_kib_only(self):
        big = device("d")
        big["domain"]["page_sizes"] = 0x200000
        self.holds(A, step("attach", "EINVAL", device="d", ioas="a"), devices=[big])

    def test_freezing(self):
        self.holds(A, memory(), step("freeze", ioas="a"), map_(0x1000), step("attach", "EADDRINUSE", device="n", ioas="a"),
                   step("reserve", "EADDRINUSE", ioas="a", first=0, last=1, cause="user"), devices=[self.NARROW])


class Dma(ScenarioTest):
    ON = (A, ATTACH, memory(0x4000), map_(0x4000, iova=0x10000))

    def dma(self, kind, expect=None, /, **keys):
        return step("dma", expect, device="d", kind=kind, **keys)

    def test_what_moves(self):
        pattern = bytes.fromhex("8877665544332211")
        crc = zlib.crc32(pattern + pattern[:3])
        self.holds(*self.ON, self.dma("fill", {"done": True, "bytes": 11, "crc": crc}, dst=0x10001, length=11, pattern="0x1122334455667788"),
                   step("read", {"data": "00" + (pattern + pattern[:3]).hex()}, memory="m", length=12), self.dma("copy", {"bytes": 11, "crc": crc}, src=0x10001, dst=0x12000, length=11),
                   step("read", {"data": pattern.hex()}, memory="m", offset=0x2000, length=8), self.dma("crc", {"crc": crc, "bytes": 11}, src=0x12000, length=11),
                   self.dma("generate", dst=0x10000, length=0x1000, pattern=7), self.dma("check", {"done": True, "bytes": 0x1000}, src=0x10000, length=0x1000, pattern=7),
                   step("write", memory="m", offset=100, data="00"), step("write", memory="m", offset=101, data="00"),
                   self.dma("check", {"errno": "EIO", "done": False, "bytes": 100}, src=0x10000, length=0x1000, pattern=7), devices=[D])

    def test_faults(self):
        self.holds(*self.ON, self.dma("copy", {"errno": "EFAULT", "done": False, "bytes": 0x1000, "fault": {"cause": 13, "iova": 0x14000, "write": False}}, src=0x13000, dst=0x10000, length=0x2000),
                   self.dma("stray", {"errno": "EFAULT", "fault": {"cause": 15, "iova": 0x20000, "write": True}}, dst=0x20000),
                   self.dma("stray", {"errno": "EFAULT", "fault": {"cause": 13}}, src=0x20000), self.dma("crc", {"errno": "EFAULT", "fault": {"cause": 260}}, src=0x10000, length=1, process_id=5),
                   step("detach", device="d"), self.dma("crc", {"errno": "EFAULT", "fault": {"cause": 258}}, src=0x10000, length=1),
                   step("faults", {"faults": [{"cause": 13, "device_id": 1, "ttyp": 2}, {"cause": 15, "ttyp": 3}, {"cause": 13}, {"cause": 260, "process_id": 5}, {"cause": 258}]}),
                   step("faults", {"faults": []}), devices=[D])

    def test_processes(self):
        self.holds(*self.ON, B, memory_b(), step("map", ioas="b", memory="n", length=0x1000, iova=0x10000), step("attach", device="d", ioas="b", process_id=5),
                   self.dma("crc", {"errno": "ok", "crc": zlib.crc32(b"\x42")}, src=0x10000, length=1, process_id=5), self.dma("crc", {"crc": zlib.crc32(b"\0")}, src=0x10000, length=1), devices=[D])

    def test_causes_of_processes_are_those_behind_an_iommu(self):
        def crc(cause, **more):
            return self.dma("crc", {"errno": "EFAULT", "fault": {"cause": cause}}, src=0x10000, length=1, **more)
        self.holds(*self.ON, crc(260, process_id=6), step("attach", device="d", ioas="a", process_id=5), crc(266, process_id=6),
                   step("detach", device="d"), crc(266), step("detach", device="d", process_id=5), crc(258), crc(258, process_id=5), devices=[D])

    def test_process_ids_have_20_bits(self):
        most = (1 << 20) - 1
        self.holds(*self.ON, step("attach", device="d", ioas="a", process_id=most), self.dma("crc", "ok", src=0x10000, length=1, process_id=most),
                   *(one for beyond in (most + 1, MAX) for one in (
                       step("probe_attach", "EINVAL", device="d", ioas="a", process_id=beyond), step("attach", "EINVAL", device="d", ioas="a", process_id=beyond),
                       step("detach", device="d", process_id=beyond), self.dma("crc", "EINVAL", src=0x10000, length=1, process_id=beyond))), devices=[D])

    def test_missing_pages_come_from_a_handler(self):
        self.holds(A, ATTACH, memory(0x2000), step("handler", device="d", memory="m", ioas="a"), self.dma("fill", {"bytes": 8}, dst=0x7FFC, length=8, pattern=MAX),
                   step("read", {"data": "ffffffff"}, memory="m", offset=0xFFC, length=4), step("read", {"data": "ffffffff"}, memory="m", offset=0x1000, length=4),
                   self.dma("fill", {"errno": "EFAULT", "fault": {"cause": 15, "iova": 0x9000}}, dst=0x9000, length=1), devices=[D])

    def test_address_lines_wrap(self):
        self.holds(*self.ON, self.dma("crc", "ok", src="0x100010000", length=1), devices=[device("d", dma_bits=32)])

    def test_a_memory_device_has_no_second_stage(self):
        nest = step("nest", "EOPNOTSUPP", name="n", parent="a", device="d", table={"memory": "m", "offset": 0, "format": "Sv39"})
        self.holds(A, memory(0x1000), nest, map_(0x1000), nest, devices=[D])


def memory_b():
    return step("memory", name="n", size=0x1000, fill={"hex": "42"})


if __name__ == "__main__":
    unittest.main()
