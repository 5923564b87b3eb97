#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every check that needs no build. Prints one line a check, each problem as `place: what is wrong`; exit 1 if there is one."""
import argparse
import sys
import time
from pathlib import Path

from checks import files, rtl, structs

ROOT = Path(__file__).resolve().parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev lint", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="format the C++ instead of complaining")
    parser.add_argument("--update-ff", action="store_true", help="accept the flip-flop counts found")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    design = rtl.Design(ROOT)
    steps = [
        ("licence headers", lambda: files.licence_headers(ROOT)),
        ("C++ format", lambda: files.cpp_format(ROOT, arguments.fix)),
        ("shell syntax", lambda: files.shell_syntax(ROOT)),
        ("generated files", lambda: files.generated(ROOT)),
        ("RTL: module and file names", design.names),
        ("RTL: structs only as scalars", lambda: structs.problems(design.sources)),
        ("RTL: Verilator -Wall", design.verilator),
        ("RTL: Yosys and flip-flops", lambda: design.yosys(arguments.update_ff)),
    ]
    failed = 0
    for name, check in steps:
        start = time.monotonic()
        problems = check()
        failed += len(problems)
        print(f"{'ok  ' if not problems else 'FAIL'} {name} ({time.monotonic() - start:.1f} s)", flush=True)
        for problem in problems:
            print(f"     {problem}", flush=True)
    print(f"lint: {failed} problem(s)" if failed else "lint: no problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
