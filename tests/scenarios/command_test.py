#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture run: files, cards, output, exit codes."""
import gzip
import json
import re
import unittest
from html.parser import HTMLParser
from xml.etree import ElementTree

from program import run
from scenario import CHECK_FAILED, ENVIRONMENT, OK, USAGE, ScenarioTest, step

A = step("ioas", name="a")
BAD = {"name": "bad", "steps": [A, step("ranges", {"total": 2}, ioas="a")]}
GOOD = {"name": "good", "steps": [A]}
CARD = {"name": "card", "devices": [{"name": "d", "device_id": 1}], "steps": [A, step("attach", device="d", ioas="a")]}


class Page(HTMLParser):
    """A page of HTML whose tags match, with well-formed drawings in it."""

    def __init__(self, test, source):
        super().__init__()
        self.source, self.text, self.tags, self.open = source, "", [], []
        self.feed(source)
        self.close()
        test.assertEqual(self.open, [])
        svgs = [ElementTree.fromstring(svg) for svg in re.findall("<svg.*?</svg>", source, re.DOTALL)]
        #: Of each drawing the attributes of its pieces.
        self.drawings = [[rect.attrib for rect in svg.iter("{http://www.w3.org/2000/svg}rect") if "data-first" in rect.attrib] for svg in svgs[1:]]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data):
        self.text += data


class Command(ScenarioTest):
    def test_text_names_scenario_step_and_values(self):
        code, output, error = run("run", self.write(GOOD, BAD))
        self.assertEqual((code, error), (CHECK_FAILED, ""))
        self.assertEqual(output, "good: ok, 1 steps\nbad: not as expected, 2 steps\n  step 1, ranges: /total: expected 2, actual 1\n")

    def test_json_gives_an_object_a_scenario(self):
        code, output, _ = run("run", self.write(GOOD, BAD), "--json")
        good, bad = (json.loads(line) for line in output.splitlines())
        self.assertEqual(code, CHECK_FAILED)
        self.assertEqual(good, {"name": "good", "ok": True, "steps": [{"index": 0, "ok": True, "result": {"errno": "ok"}, "mismatches": []}]})
        self.assertFalse(bad["ok"])
        self.assertEqual(bad["steps"][1]["mismatches"], [{"place": "/total", "expected": 2, "actual": 1}])

    def test_scenarios_are_independent(self):
        self.assertEqual(run("run", self.write(GOOD, GOOD), self.write(GOOD, name="t.jsonl"))[0], OK)

    def test_an_unknown_card_is_named_though_no_scenario_needs_one(self):
        code, output, error = run("run", self.write(GOOD), "--card", "abacus")
        self.assertEqual((code, output), (USAGE, ""))
        self.assertIn("abacus", error)

    def test_a_file_without_a_scenario_is_no_success(self):
        path = self.write(name="nothing.jsonl")
        code, output, error = run("run", self.write(GOOD), path)
        self.assertEqual((code, output), (USAGE, ""))
        self.assertIn(f"{path}: there is no scenario", error)

    def test_kinds_of_files(self):
        pretty = self.folder / "one.json"
        pretty.write_text(json.dumps(GOOD, indent=2))
        packed = self.folder / "two.jsonl.gz"
        packed.write_bytes(gzip.compress((json.dumps(GOOD) + "\n\n" + json.dumps(GOOD)).encode()))
        code, output, error = run("run", str(pretty), str(packed))
        self.assertEqual((code, output, error), (OK, "good: ok, 1 steps\n" * 3, ""))

    def test_a_file_that_is_not_there(self):
        code, _, error = run("run", str(self.folder / "none.json"))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("none.json", error)

    def test_what_makes_no_sense_on_the_command_line(self):
        host = self.write({"devices": [{"name": "h", "domain": "host"}], "steps": []}, name="h.jsonl")
        good = self.write(GOOD)
        for arguments, names in ((["run"], "FILE"), (["run", good, "--bind", "x"], "--bind"), (["run", good, "--bind", "x=vfio:0000:00:04.0"], "\"x\""),
                                 (["run", host], "--bind h=vfio:BDF"), (["run", self.write(CARD, name="c.jsonl"), "--card", "quantum"], "--card")):
            with self.subTest(arguments=arguments):
                code, output, error = run(*arguments)
                self.assertEqual((code, output), (USAGE, ""), error)
                self.assertIn(names, error)

    def test_no_card_is_opened_unless_one_is_needed(self):
        self.assertEqual(run("run", self.write(GOOD), "--card", "vfio:0000:ff:00.0")[0], OK)

    def test_a_card_that_does_not_suit(self):
        channel = {**CARD, "devices": [{"name": "d", "device_id": 1, "channel": 99}]}
        wide = {**CARD, "devices": [{"name": "d", "device_id": "0xffffffff"}]}
        no_process = {**CARD, "card": {"straps": {"capabilities": "0xff3800001010"}}}
        for scenario in (channel, wide, no_process):
            code, _, error = run("run", self.write(scenario, BAD), "--card", "model")
            self.assertEqual(code, ENVIRONMENT, error)
            self.assertIn("unsuitable", error)

    def test_a_profile_is_for_cards_whose_memory_has_one(self):
        path = self.write({**CARD, "card": {"profile": "ddr"}})
        self.assertEqual(run("run", path, "--card", "model")[0], OK)

    def test_straps_are_each_scenarios_own(self):
        base = "0x3800000210"
        narrow = {**CARD, "card": {"straps": {"capabilities": base}}, "steps": [A, step("attach", {"errno": "ok", "format": "Sv39"}, device="d", ioas="a")]}
        wide = {**CARD, "steps": [A, step("attach", {"errno": "ok", "format": "Sv57"}, device="d", ioas="a")]}
        code, output, error = run("run", self.write(narrow, wide, narrow), "--card", "model")
        self.assertEqual(code, OK, output + error)

    def test_the_seed(self):
        path = self.write({**CARD, "seed": 7})
        self.assertEqual(run("run", path, "--card", "model", "--json"), run("run", path, "--card", "model", "--json", "--seed", "7"))

    def report(self, *scenarios):
        page = self.folder / "out.html"
        code, _, error = run("run", self.write(*scenarios), "--report", str(page))
        self.assertIn(code, (OK, CHECK_FAILED), error)
        return Page(self, page.read_text())

    def test_the_report_tells_what_was_not_as_expected(self):
        self.assertIn("not as expected", self.report(GOOD, BAD).text)
        self.assertIn("/total", self.report(GOOD, BAD).text)

    def test_the_report_needs_nothing_beside_itself(self):
        page = self.report(GOOD, BAD)
        for tag, attributes in page.tags:
            for key, value in attributes.items():
                if key != "xmlns":
                    self.assertNotRegex(value or "", "https?:|data:|//", (tag, key))
            self.assertTrue(attributes.get("href", "#").startswith("#"), attributes)
        for loads in ("@import", "url(h", "<script", "<link", "src="):
            self.assertNotIn(loads, page.source)
        # A pattern is found by its id: in the page, once.
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLessEqual(set(re.findall(r"url\(#(\w+)\)", page.source)), set(ids))

    def test_the_report_draws_the_address_spaces_of_each_scenario(self):
        window = {"name": "ram", "base": "0x100000", "size": "0x10000"}
        steps = [step("ioas", name="guest"), step("ioas", name="other"), step("memory", name="m", size=4096),
                 step("require", ioas="guest", windows=[window]), step("map", ioas="guest", memory="m", length=4096, iova="0x100000"),
                 step("reserve", "EADDRINUSE", ioas="guest", first="0x108000", last="0x108fff", cause="msi")]
        page = self.report(GOOD, {"name": "drawn", "steps": steps}, {"name": "none", "steps": []})
        pieces = [[(rect["data-first"], rect["data-last"], rect["class"]) for rect in drawing] for drawing in page.drawings]
        self.assertEqual(pieces[0], [("0x0", "0xffffffffffffffff", "piece usable")])
        self.assertEqual(pieces[1], [("0x0", "0xfffff", "piece usable"), ("0x100000", "0x100fff", "piece mapped"), ("0x101000", "0x107fff", "piece required"),
                                     ("0x108000", "0x108fff", "piece blocked"), ("0x109000", "0x10ffff", "piece required"),
                                     ("0x110000", "0xffffffffffffffff", "piece usable"), ("0x0", "0xffffffffffffffff", "piece usable")])
        self.assertEqual(len(pieces), 2, "a scenario without address spaces has no drawing")
        for words in ("reserve refused:", "guest", "other", "window \"ram\""):
            self.assertIn(words, page.text)

    def test_the_report_lists_windows_and_maps(self):
        maps = [step("map", ioas="a", memory="m", length=4096, iova=hex(0x2000 * i)) for i in range(1, 104)]
        page = self.report({"steps": [A, step("memory", name="m", size=4096), *maps]})
        self.assertIn("a: 0 windows, 103 maps", page.text)
        self.assertIn("[0xc8000-0xc8fff]", page.text)
        self.assertNotIn("[0xca000-0xcafff]", page.text)
        self.assertIn("and 3 maps more", page.text)

    def test_a_name_is_text_in_the_report(self):
        name = "<script>'\"&amp;]]>\u0001\u001b[31m\u0085\ufffe\u00e9"
        shown = "<script>'\"&amp;]]>??[31m?????\u00e9"  # a byte of what is no text is one mark
        device = {"name": name, "domain": {"kind": "memory"}}
        steps = [step("ioas", name=name), step("require", ioas=name, windows=[{"name": name, "base": 0, "size": 4096}]), step("attach", device=name, ioas=name),
                 step("reserve", "EADDRINUSE", ioas=name, first=0, last=4095, cause="user"), step("ranges", {"total": 9}, ioas=name, comment=name)]
        page = self.report({"name": name, "description": f"{name}\nand more", "devices": [device], "steps": steps})
        self.assertNotIn("script", [tag for tag, _ in page.tags])
        self.assertEqual([c for c in page.source if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160], [])
        self.assertGreaterEqual(page.text.count(shown), 6)
        self.assertIn(f"{shown}\nand more", page.text)

    def test_memory_from_a_file_beside_the_scenario(self):
        (self.folder / "data.bin").write_bytes(b"\1\2\3\4")
        self.holds(step("memory", name="m", size=8, fill={"file": "data.bin"}), step("read", {"data": "0102030400000000"}, memory="m", length=8),
                   step("memory", "ENOENT", name="n", size=8, fill={"file": "none.bin"}))

    def test_bounds_of_memory(self):
        self.holds(step("memory", name="m", size=8), step("read", "EFAULT", memory="m", offset=4, length=8), step("write", "EFAULT", memory="m", offset=8, data="00"),
                   step("memory", "EINVAL", name="n", size=0), step("memory", "ENOMEM", name="n", size="0xffffffffffffffff"), step("memory", "EEXIST", name="m", size=8))


if __name__ == "__main__":
    unittest.main()
