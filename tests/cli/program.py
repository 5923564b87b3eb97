# SPDX-License-Identifier: Apache-2.0
"""Runs the program as a user does."""
import json
import os
import subprocess

PROGRAM = os.environ["APERTURE_PROGRAM"]
SEED = os.environ.get("APERTURE_SEED", "1")


def run(*arguments):
    """Exit code, standard output, standard error."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def run_json(*arguments):
    """Exit code and document."""
    code, output, _ = run(*arguments, "--json")
    return code, json.loads(output)


def checks(document):
    """Every check of a document: [(sentence, ok)]."""
    return [(one["what"], one["ok"]) for section in document.values() if isinstance(section, dict)
            for one in section.get("checks", [])]
