# SPDX-License-Identifier: Apache-2.0
"""Replays one trace: replay_test.py PROGRAM CARD TRACE. Ends with 77, "not run", if the card lacks a capability that the trace asks for."""
import subprocess
import sys

NOT_RUN = 77
USAGE = 2


def main(program, card, trace):
    done = subprocess.run([program, "replay", trace, "--card", card], capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if ": expected " in line or line.startswith("lines ")]
    print("\n".join(lines), done.stderr, sep="\n")
    if done.returncode == USAGE and "does not have the capabilities" in done.stderr:
        return NOT_RUN
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
