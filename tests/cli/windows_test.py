#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture windows, on the functional model."""
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from program import SEED, run, run_json

USAGE, ENVIRONMENT = 2, 3
SVG = "{http://www.w3.org/2000/svg}"
CARD = ("--card", "model", "--seed", SEED)


def drawn(svg):
    """(first, last, state, tooltip) of every piece of a drawing."""
    root = ElementTree.parse(svg).getroot()
    return [(int(box.get("data-first"), 16), int(box.get("data-last"), 16), box.get("class").split()[-1],
             box.find(SVG + "title").text) for box in root.iter(SVG + "rect") if box.get("data-first")]


class Windows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_without_scenario_it_is_what_the_card_gives_a_device(self):
        code, text, error = run("windows", *CARD)
        self.assertEqual(code, 0, error)
        self.assertIn('IOAS "default": device', text)
        self.assertIn("reserved: aperture of device", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertNotIn("\x1b", text, "colours are for terminals")

    def test_json_and_svg_have_the_same_pieces(self):
        svg = self.folder / "space.svg"
        code, document = run_json("windows", "--svg", str(svg), *CARD)
        self.assertEqual(code, 0)
        [space] = document["windows"]["spaces"]
        pieces = [(int(piece["first"], 16), int(piece["last"], 16), piece["state"]) for piece in space["pieces"]]
        self.assertEqual([piece[:3] for piece in drawn(svg)], pieces)
        self.assertEqual(pieces[0][0], 0)
        self.assertEqual(pieces[-1][1], 2**64 - 1)
        for below, above in zip(pieces, pieces[1:]):
            self.assertEqual(below[1] + 1, above[0])

    def test_drawing_that_cannot_be_written_is_told(self):
        code, _, error = run("windows", "--svg", str(self.folder / "no" / "space.svg"), *CARD)
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn("space.svg", error)


if __name__ == "__main__":
    unittest.main()
