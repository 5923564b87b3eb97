#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bounded proofs of single RTL modules, with yosys-smtbmc and z3. formal/proofs.json lists them; formal/NAME_proof.sv states what
is assumed and what is proved. Each proof searches for a counterexample up to its depth, shows every cover statement within it,
goes through induction where a length is given, and must fail on each of its mutants. Exit 1 if anything is not as it should be."""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROOFS = json.loads((ROOT / "formal/proofs.json").read_text())
PACKAGES = ["rtl/regs/regs_pkg.sv", "rtl/iommu/iommu_pkg.sv"]


class Problem(Exception):
    pass


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"proofs to run; the default is all: {', '.join(PROOFS)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="proofs at a time; the default is the number of cores")
    parser.add_argument("--timeout", type=int, default=900, metavar="SECONDS", help="limit of one run of the solver; the default is 900")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in PROOFS]
    if unknown:
        parser.error(f"no such proof: {', '.join(unknown)} (there are {', '.join(PROOFS)})")
    if arguments.jobs < 1 or arguments.timeout < 1:
        parser.error("--jobs and --timeout must be 1 or more")
    return arguments


def replaced(path, changes):
    """The text of a source with each [old, new] of changes applied; each old must be there exactly once."""
    text = (ROOT / path).read_text()
    for old, new in changes:
        if text.count(old) != 1:
            raise Problem(f"formal/proofs.json: {path} has {text.count(old)} times `{old}`, expected once")
        text = text.replace(old, new)
    return text


def run(command, timeout):
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        os.killpg(process.pid, signal.SIGKILL)  # the solver, too
        process.wait()
        raise Problem(f"{command[0]} took more than {timeout} s (--timeout)") from expired
    return process.returncode, output


class Proof:
    def __init__(self, name, timeout):
        self.name, self.timeout, self.spec = name, timeout, PROOFS[name]
        self.folder = ROOT / "build/prove" / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def model(self, label, changes):
        """Translates harness and modules, with changes {path: [[old, new], ...]}, for the solver. Returns the file."""
        sources = [*(PACKAGES if self.spec.get("packages") else []), f"formal/{self.name}_proof.sv"]
        for path, edits in changes.items():
            changed = self.folder / label / Path(path).name
            changed.parent.mkdir(exist_ok=True)
            changed.write_text(replaced(path, edits))
            sources.append(str(changed))
        smt2 = self.folder / f"{label}.smt2"
        top = f"{self.name}_proof"
        script = (f"read_verilog -formal -sv {' '.join(sources)}; hierarchy -check -top {top} -libdir rtl/common -libdir rtl/iommu; "
                  f"proc; opt_expr; memory_dff; memory_collect; memory_map; flatten; opt -full; async2sync; dffunmap; opt_clean; check -assert; "
                  f"write_smt2 -wires {smt2}")
        code, output = run(["yosys", "-q", "-p", script], self.timeout)
        if code:
            raise Problem(f"yosys: {output.strip().splitlines()[-1] if output.strip() else 'failed without a message'}")
        return smt2

    def solve(self, smt2, mode, depth):
        """Does the solver answer PASSED? Returns that, and what it printed. A trace is kept as a VCD file."""
        trace = smt2.with_suffix(".vcd")
        trace.unlink(missing_ok=True)
        # unrolled and solved anew for each step, z3 is many times faster
        code, output = run(["yosys-smtbmc", "-s", "z3", "--unroll", "--noincr", "--noprogress", *mode, "-t", str(depth), "--dump-vcd", str(trace),
                            str(smt2)], self.timeout)
        smt2.with_suffix(".log").write_text(output)
        if not re.search(r"Status: (passed|failed|PASSED|FAILED)", output):
            raise Problem(f"yosys-smtbmc: {output.strip().splitlines()[-1] if output.strip() else f'exit code {code}'}")
        return code == 0, output

    def failure(self, what, smt2, output):
        found = re.findall(r"(?:Assert failed in|Unreached cover statement at) .*", output)
        return f"{what}: {'; '.join(found) or 'failed'} (trace {smt2.with_suffix('.vcd').relative_to(ROOT)})"

    def check(self):
        """Problems, none if all is proved."""
        depth, induction = self.spec["depth"], self.spec.get("induction")
        smt2 = self.model("proof", {})
        passed, output = self.solve(smt2, [], depth)
        if not passed:
            return [self.failure(f"counterexample within {depth} clocks", smt2, output)]
        problems = []
        passed, output = self.solve(smt2, ["-c"], depth)
        if not passed:
            problems.append(self.failure("vacuous", smt2, output))
        if induction:
            passed, output = self.solve(smt2, ["-i"], induction)
            if not passed:
                problems.append(self.failure("induction does not close", smt2, output))
        for number, mutant in enumerate(self.spec["mutants"]):
            smt2 = self.model(f"mutant{number}", {mutant["file"]: [[mutant["from"], mutant["to"]]]})
            passed, output = self.solve(smt2, [], depth)
            if passed:
                problems.append(f"the mutant `{mutant['to']}` of {mutant['file']} is not noticed")
        return problems


def check(name, timeout):
    start = time.monotonic()
    try:
        problems = Proof(name, timeout).check()
    except Problem as problem:
        problems = [str(problem)]
    seconds = time.monotonic() - start
    spec = PROOFS[name]
    row = (name, str(spec["depth"]), str(spec.get("induction", "-")), str(len(spec["mutants"])), "FAIL" if problems else "proved", f"{seconds:.1f}")
    print(f"{name}: {row[4]} ({row[5]} s)", flush=True)
    for problem in problems:
        print(f"     {name}: {problem}", flush=True)
    return row


def main():
    arguments = parse_arguments()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(lambda name: check(name, arguments.timeout), arguments.names or PROOFS))
    table = [("proof", "depth", "induction", "mutants", "result", "seconds"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    print()
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 1 if any(row[4] != "proved" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
