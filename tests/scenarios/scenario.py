# SPDX-License-Identifier: Apache-2.0
"""Scenarios as Python objects, run by the program."""
import json
import tempfile
import unittest
from pathlib import Path

from program import run

OK, CHECK_FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3
MEMORY = {"kind": "memory"}


def device(name, aperture=None, **more):
    domain = dict(MEMORY) if aperture is None else {"kind": "memory", "aperture": aperture}
    return {"name": name, "device_id": 1, "domain": domain, **more}


def step(kind, expect=None, /, **keys):
    keys = {key.rstrip("_"): value for key, value in keys.items()}
    return {"step": kind, **keys, **({} if expect is None else {"expect": expect})}


class ScenarioTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, *scenarios, name="s.jsonl"):
        path = self.folder / name
        path.write_text("".join(json.dumps(scenario) + "\n" for scenario in scenarios))
        return str(path)

    def document(self, steps, devices=(), **more):
        return {"name": "t", "devices": list(devices), "steps": list(steps), **more}

    def results(self, *steps, devices=(), arguments=(), **more):
        """Runs steps without looking at what they expect; gives their results."""
        path = self.write(self.document(steps, devices, **more))
        code, output, error = run("run", path, "--json", *arguments)
        self.assertIn(code, (OK, CHECK_FAILED), error)
        return [one["result"] for one in json.loads(output)["steps"]]

    def holds(self, *steps, devices=(), arguments=(), **more):
        """Every step is as it expects."""
        code, output, error = run("run", self.write(self.document(steps, devices, **more)), *arguments)
        self.assertEqual(code, OK, output + error)

    def refused(self, pointer, *steps, devices=(), **more):
        """A format error at this place; nothing runs."""
        self.malformed(pointer, self.document(steps, devices, **more))

    def malformed(self, pointer, document):
        path = self.write({"steps": []}, document)
        code, output, error = run("run", path)
        self.assertEqual((code, output), (USAGE, ""), error)
        self.assertIn(f"{path}:2: {pointer}: ", error)
