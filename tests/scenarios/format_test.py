#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The form of scenarios: what is refused, and where; how expectations are compared."""
import json
import unittest

from program import run
from scenario import CHECK_FAILED, USAGE, ScenarioTest, device, step

A = step("ioas", name="a")
M = step("memory", name="m", size=4096)
MAP = dict(ioas="a", memory="m", length=4096)


class Form(ScenarioTest):
    def test_unknown_keys_are_named(self):
        self.malformed("/colour", {"steps": [], "colour": 1})
        self.refused("/steps/0/colour", step("ioas", name="a", colour=1))
        self.refused("/devices/0/colour", devices=[device("d", colour=1)])
        self.refused("/devices/0/domain/colour", devices=[{"name": "d", "device_id": 1, "domain": {"kind": "memory", "colour": 1}}])
        self.refused("/card/colour", card={"colour": 1})
        self.refused("/steps/1/windows/0/colour", A, step("require", ioas="a", windows=[{"name": "w", "size": 1, "colour": 1}]))
        self.refused("/steps/0/fill/colour", step("memory", name="m", size=1, fill={"hex": "00", "colour": 1}))

    def test_wrong_types_are_named(self):
        self.malformed("/steps", {"steps": {}})
        self.malformed("/name", {"name": 1, "steps": []})
        self.malformed("/seed", {"seed": "12", "steps": []})
        self.malformed("/tags", {"tags": "a", "steps": []})
        for size in (-1, 1.5, "4096", "0x", "0x10000000000000000", None, True, [1]):
            self.refused("/steps/0/size", step("memory", name="m", size=size))
        self.refused("/steps/1/prot", A, step("map", prot="x", **MAP), M)
        self.refused("/steps/0/huge_pages", step("ioas", name="a", huge_pages=1))
        self.refused("/steps/1/data", M, step("write", memory="m", data="0"))
        self.refused("/steps/1/ranges", A, step("allow", ioas="a", ranges=[[1]]))
        self.refused("/steps/1/kind", step("ioas", name="a"), step("dma", device="d", kind="move", src=0, length=1), devices=[device("d")])
        self.refused("/devices/0/domain/aperture", devices=[device("d", aperture=[])])
        self.refused("/devices/0/domain", devices=[{"name": "d", "device_id": 1, "domain": "guest"}])
        self.refused("/devices/0/reserved/0/cause", devices=[device("d", reserved=[{"first": 0, "last": 1, "cause": "moon"}])])

    def test_missing_keys_are_named(self):
        self.malformed("/steps", {"name": "t"})
        self.refused("/steps/0/step", {"ioas": "a"})
        self.refused("/steps/0/name", step("ioas"))
        self.refused("/steps/2/length", A, M, step("map", ioas="a", memory="m"))
        self.refused("/steps/1/cause", A, step("reserve", ioas="a", first=0, last=1))
        self.refused("/devices/0/device_id", devices=[{"name": "d"}])
        self.refused("/devices/0/domain/kind", devices=[{"name": "d", "device_id": 1, "domain": {}}])

    def test_steps_that_there_are_not(self):
        self.refused("/steps/0/step", step("dance"))
        self.refused("/steps/0/step", {"step": 1})
        self.refused("/steps/0", "ioas")

    def test_impossible_combinations_are_named(self):
        self.refused("/steps/2/mirror", A, M, step("map", mirror="x", **MAP), step("mirror", name="x", members=["a"]))
        self.refused("/steps/1/ioas", M, step("map", memory="m", length=1))
        self.refused("/steps/1/iova", A, step("unmap", ioas="a", all=True, iova=0))
        self.refused("/steps/1/length", A, step("unmap", ioas="a", iova=0))
        self.refused("/steps/0/rebase", step("ioas", name="a", rebase=1))
        self.refused("/steps/0/fill/file", step("memory", name="m", size=1, fill={"hex": "00", "file": "f"}))
        self.refused("/steps/0/fill", step("memory", name="m", size=1, fill={}))
        self.refused("/steps/0/src", step("dma", device="d", kind="copy", dst=0, length=1), devices=[device("d")])
        self.refused("/steps/1/steps/0/step", A, step("transaction", steps=[step("ranges", ioas="a")]))
        self.refused("/devices/1/name", devices=[device("d"), device("d")])
        self.refused("/devices/0/reserved/0", devices=[device("d", reserved=[{"first": 2, "last": 1, "cause": "msi"}])])
        self.refused("/devices/0/domain/aperture/1", devices=[device("d", aperture=[[0, 9], [5, 20]])])

    def test_names_that_are_declared_nowhere(self):
        self.refused("/steps/0/ioas", step("freeze", ioas="a"))
        self.refused("/steps/1/memory", A, step("map", **MAP))
        self.refused("/steps/1/device", A, step("attach", device="d", ioas="a"))
        self.refused("/steps/1/window", A, step("release", ioas="a", window="w"))
        self.refused("/steps/0/members/0", step("mirror", name="x", members=["a"]))
        self.refused("/steps/0/name", step("unproject", name="p"))
        self.refused("/steps/1/steps/0/ioas", A, step("transaction", steps=[step("freeze", ioas="b")]))
        self.refused("/steps/1/ioas", step("memory", name="a", size=1), step("freeze", ioas="a"))

    def test_a_name_may_be_declared_later(self):
        self.holds(step("freeze", "ENOENT", ioas="a"), A, step("freeze", ioas="a"))

    def test_a_key_twice(self):
        path = self.folder / "s.json"
        path.write_text('{"steps": [{"step": "ioas", "name": "a", "name": "b"}]}')
        code, output, error = run("run", str(path))
        self.assertEqual((code, output), (USAGE, ""))
        self.assertIn(f"{path}: /steps/0/name: the key is there twice", error)

    def test_expectations_have_their_form(self):
        self.refused("/steps/0/expect/iova", step("ioas", {"iova": 1}, name="a"))
        self.refused("/steps/0/expect", step("ioas", "EWHATEVER", name="a"))
        self.refused("/steps/0/expect/errno", step("ioas", {"errno": 5}, name="a"))
        self.refused("/steps/1/expect/ranges", A, step("ranges", {"ranges": [[1]]}, ioas="a"))
        self.refused("/steps/1/expect/report/windows/0/verdict", A, step("ranges", {"report": {"windows": [{"verdict": "perhaps"}]}}, ioas="a"))

    def test_straps_have_their_form(self):
        self.refused("/card/straps/colour", card={"straps": {"colour": 1}})
        self.refused("/card/straps/ddt_levels_max", card={"straps": {"ddt_levels_max": 4}})
        self.refused("/card/profile", card={"profile": "fast"})

    def test_one_bad_file_and_nothing_runs(self):
        good = self.write(self.document([A]), name="good.jsonl")
        bad = self.write({"steps": 1}, name="bad.jsonl")
        code, output, error = run("run", good, bad)
        self.assertEqual((code, output), (USAGE, ""))
        self.assertIn(f"{bad}:1: /steps: ", error)

    def test_every_64_bit_value_is_one(self):
        self.holds(A, M, step("map", "EOVERFLOW", iova="0xffffffffffffffff", **MAP), step("ranges", ioas="a", capacity="0xFFFFFFFFFFFFFFFF"),
                   step("map", "EOVERFLOW", ioas="a", memory="m", length=18446744073709551615),
                   step("events", ioas="a", since="0xffffffffffffffff"))


class Comparison(ScenarioTest):
    def mismatches(self, *steps):
        code, output, _ = run("run", self.write(self.document(steps)), "--json")
        return code, [(m["place"], m["expected"], m["actual"]) for one in json.loads(output)["steps"] for m in one["mismatches"]]

    def test_a_part_is_enough_and_notation_does_not_matter(self):
        self.holds(A, step("ranges", {"ranges": [["0x0", 18446744073709551615]], "total": "0x1"}, ioas="a"))

    def test_a_step_without_expectation_expects_ok(self):
        self.assertEqual(self.mismatches(A, A), (CHECK_FAILED, [("/errno", "ok", "EEXIST")]))

    def test_the_short_form_is_the_errno(self):
        self.holds(A, step("ioas", "EEXIST", name="a"))

    def test_an_object_without_errno_does_not_look_at_it(self):
        self.holds(A, step("ioas", {"report": {"ok": False}}, name="a"))

    def test_null_wants_a_key_absent(self):
        self.holds(A, step("ranges", {"report": None}, ioas="a"))
        self.assertEqual(self.mismatches(A, step("ranges", {"total": None}, ioas="a")), (CHECK_FAILED, [("/total", None, 1)]))

    def test_lists_have_equal_length(self):
        code, found = self.mismatches(A, step("ranges", {"ranges": []}, ioas="a"))
        self.assertEqual((code, [place for place, _, _ in found]), (CHECK_FAILED, ["/ranges"]))

    def test_bytes_have_no_case(self):
        self.holds(step("memory", name="m", size=4, fill={"hex": "AbCd"}), step("read", {"data": "abCDaBcd"}, memory="m", length=4))

    def test_every_mismatch_is_listed(self):
        code, found = self.mismatches(A, step("ranges", {"total": 2, "alignment": 2, "errno": "EINVAL"}, ioas="a"))
        self.assertEqual(code, CHECK_FAILED)
        self.assertEqual([place for place, _, _ in found], ["/errno", "/alignment", "/total"])

    def test_an_expected_key_that_is_not_there_is_a_mismatch(self):
        self.assertEqual(self.mismatches(A, step("ioas", {"report": {"ok": True}}, name="b")), (CHECK_FAILED, [("/report", {"ok": True}, None)]))


if __name__ == "__main__":
    unittest.main()
