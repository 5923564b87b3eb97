#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine that cannot have what the rehearsal needs is told so: that is neither a success nor a failure."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "dev.d" / "rehearse"


def set_up(cache, **environment):
    return subprocess.run([sys.executable, "-B", PROGRAM, "--set-up"], env=os.environ | {"XDG_CACHE_HOME": cache} | environment,
                          capture_output=True, text=True, timeout=120)


class NotRun(unittest.TestCase):
    def test_without_a_mirror_that_answers(self):
        with tempfile.TemporaryDirectory() as cache:
            run = set_up(cache, APERTURE_DEBIAN_MIRROR="http://127.0.0.1:9/debian")  # the discard service's port
            self.assertEqual(run.returncode, 77, run.stdout + run.stderr)
            self.assertIn("not run: Debian packages could not be downloaded: ", run.stdout)
            self.assertIn("127.0.0.1:9", run.stdout)
            made = [path.name for path in (Path(cache) / "aperture/rehearse").iterdir() if path.is_dir()]
            self.assertFalse([name for name in made if not name.endswith((".apt", ".partial"))], "half of it is taken for whole")


if __name__ == "__main__":
    unittest.main()
