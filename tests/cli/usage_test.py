#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Command lines that make no sense, and help: needs no card."""
import unittest

from program import run

OK, USAGE, ENVIRONMENT = 0, 2, 3


class Usage(unittest.TestCase):
    def refused(self, *arguments, names):
        code, output, error = run(*arguments)
        self.assertEqual(code, USAGE, error)
        self.assertEqual(output, "")
        self.assertIn(names, error)

    def test_no_command(self):
        self.refused(names="which command?")

    def test_unknown_command(self):
        self.refused("frobnicate", names="frobnicate")

    def test_unknown_option_is_named(self):
        self.refused("demo", "--frobnicate", names="--frobnicate")

    def test_shortened_option_is_not_guessed(self):
        self.refused("demo", "--jso", names="--jso")

    def test_option_without_its_value_is_named(self):
        self.refused("demo", "--file", names="--file")

    def test_seed_that_is_no_number_is_named(self):
        for seed in ("abc", "-1", "", "0x", "18446744073709551616"):
            with self.subTest(seed=seed):
                self.refused("dump", "--seed=" + seed, names="--seed")

    def test_channel_that_is_no_number_is_named(self):
        self.refused("dma", "/dev/null", "--channel", "one", names="--channel")

    def test_unknown_card_lists_those_there_are(self):
        self.refused("dump", "--card", "abacus", names="abacus")

    def test_bad_option_of_the_functional_model_is_named(self):
        for option in ("profile=ddr", "frame_run=3"):
            with self.subTest(option=option):
                self.refused("dump", "--card", "model:" + option, names=option.split("=")[0])

    def test_place_that_is_no_pci_address_is_named(self):
        for card in ("vfio", "vfio:eth0", "vfio:0000:01:00", "vfio:0000:01:00.0,backend=other"):
            with self.subTest(card=card):
                self.refused("dump", "--card", card, names=card.split(",")[-1].split(":", 1)[-1])

    def test_pci_function_that_is_not_there_is_named_with_what_to_do(self):
        code, output, error = run("dump", "--card", "vfio:ffff:ff:1f.7")
        self.assertEqual((code, output), (ENVIRONMENT, ""))
        self.assertIn("no PCI function ffff:ff:1f.7", error)
        self.assertIn("lspci -D", error)

    def test_dma_needs_a_file(self):
        self.refused("dma", names="FILE")

    def test_too_many_arguments(self):
        self.refused("dma", "one", "two", names="too many arguments")
        self.refused("dump", "one", names="too many arguments")


class Help(unittest.TestCase):
    def test_program_lists_its_commands(self):
        code, output, error = run("--help")
        self.assertEqual((code, error), (OK, ""))
        for command in ("demo", "dma", "dump"):
            self.assertIn(f"\n  {command} ", output)

    def test_command_lists_its_options(self):
        code, output, error = run("dma", "--help")
        self.assertEqual((code, error), (OK, ""))
        for option in ("--channel", "--out", "--card", "--seed", "--json"):
            self.assertIn(option, output)


if __name__ == "__main__":
    unittest.main()
