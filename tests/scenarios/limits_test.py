#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever a scenario asks for, it is done, or refused by name, in bounded time and memory."""
import unittest
import zlib

from program import run
from scenario import USAGE, ScenarioTest, device, step

A = step("ioas", name="a")
TIB = 1 << 40
MAX = "0xffffffffffffffff"


def dma(kind, expect=None, /, **keys):
    return step("dma", expect, device="d", kind=kind, **keys)


class Limits(ScenarioTest):
    def reason(self, *steps, **more):
        """Of the last step's refusal, and its errno."""
        last = self.results(*steps, **more)[-1]
        return last["errno"], last.get("report", {}).get("reason", "")

    def test_a_transfer_round_few_address_lines(self):
        on = [A, step("memory", name="m", size=4096, fill={"hex": "5a"}), step("map", ioas="a", memory="m", length=4096, iova=0), step("attach", device="d", ioas="a")]
        narrow = [device("d", dma_bits=12)]
        self.holds(*on, dma("crc", {"bytes": 0x5000, "crc": zlib.crc32(b"\x5a" * 0x5000)}, src=0, length=0x5000), devices=narrow)
        for length in (1 << 39, (1 << 40) - 1, 1 << 40, MAX):
            number, reason = self.reason(*on, dma("crc", src=0, length=length), devices=narrow)
            self.assertEqual(number, "EINVAL")
            self.assertIn(hex(int(str(length), 0)), reason)
            self.assertIn("device d", reason)
        number, reason = self.reason(*on, dma("fill", dst=0, length=1 << 24), devices=[device("d", dma_bits=2)])
        self.assertEqual(number, "EINVAL")
        for words in ("0x1000000 bytes", "2 address lines", "device d"):
            self.assertIn(words, reason)

    def test_a_transfer_of_all_that_one_may(self):
        big = 1 << 30
        on = [A, step("memory", name="m", size=2 * big), step("map", ioas="a", memory="m", length=2 * big, iova=0), step("attach", device="d", ioas="a")]
        self.holds(*on, dma("stray", {"bytes": 8}, src=0), dma("crc", "EINVAL", src=0, length=big + 1), dma("fill", {"bytes": 4096}, dst=2 * big - 4096, length=4096), devices=[device("d")])

    def test_memory_that_nobody_touches_is_none(self):
        self.holds(A, step("attach", device="d", ioas="a"), step("memory", name="m", size=16 * TIB), step("map", {"iova": 0}, ioas="a", memory="m", length=16 * TIB, iova=0),
                   step("dirty_tracking", ioas="a", enable=True), dma("fill", dst=9 * TIB + 4095, length=2, pattern=1), dma("fill", dst=5, length=1, pattern=1),
                   step("dirty", {"pages": [[0, 4095], [9 * TIB, 9 * TIB + 8191]]}, ioas="a", first=0, last=16 * TIB - 1, page_size=4096),
                   step("dirty", {"pages": [[0, 4095]]}, ioas="a", first=0, last=4095, page_size=4096, clear=True),
                   step("dirty", {"pages": [[9 * TIB, 9 * TIB + 8191]]}, ioas="a", first=0, last=16 * TIB - 1, page_size=4096),
                   step("read", {"data": "01"}, memory="m", offset=5, length=1), devices=[device("d")])

    def test_memory_that_is_filled_or_read_is_bounded(self):
        huge = step("memory", name="m", size=16 * TIB)
        for steps, number, words in (
                ([step("memory", name="m", size=16 * TIB, fill={"hex": "01"})], "E2BIG", "0x100000000000"),
                ([step("memory", name="m", size=16 * TIB, fill={"file": "/dev/zero"})], "EINVAL", "/dev/zero"),
                ([huge, step("read", memory="m", length=TIB)], "E2BIG", "0x10000000000"),
                ([huge, step("read", memory="m", length=MAX)], "EFAULT", MAX)):
            with self.subTest(steps=steps):
                found, reason = self.reason(*steps)
                self.assertEqual(found, number)
                self.assertIn(words, reason)

    def test_memory_that_a_simulated_card_pins_is_bounded(self):
        steps = [A, step("memory", name="m", size=TIB), step("attach", device="d", ioas="a"), step("map", ioas="a", memory="m", length=TIB)]
        number, reason = self.reason(*steps, devices=[{"name": "d", "device_id": 1}], arguments=("--card", "model"))
        self.assertEqual(number, "ENOMEM")
        self.assertIn(str(TIB), reason)

    def test_followers_of_followers(self):
        steps = [step("ioas", name="s0")]
        for i in range(1, 60):
            steps.append(step("ioas", name=f"s{i}"))
            steps += [step("project", name=f"p{i}{half}", from_=f"s{i - 1}", first=half << 32, last=(half << 32) + 0xFFFFFFFF, to=f"s{i}", at=half << 32) for half in (0, 1)]
        steps += [step("memory", name="m", size=4096), step("map", ioas="s0", memory="m", length=4096)]
        results = self.results(*steps)
        refused = [r for r in results if r["errno"] != "ok"]
        self.assertEqual({r["errno"] for r in refused}, {"ENOMEM"})
        self.assertIn("followers", refused[0]["report"]["reason"])
        self.assertEqual(results[-1]["errno"], "ok")

    def test_what_is_nested_too_deeply(self):
        path = self.folder / "s.json"
        for inner in ("[" * 200000 + "]" * 200000, '{"steps": [' * 100000 + "]}" * 100000):
            path.write_text('{"steps": [{"step": ' + inner + "}]}")
            code, output, error = run("run", str(path))
            self.assertEqual((code, output), (USAGE, ""), error[:500])
            self.assertIn("nested too deeply", error)


if __name__ == "__main__":
    unittest.main()
