#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proofs of RTL modules, with Yosys and ABC. formal/proofs.json lists them; formal/NAME_proof.sv states what is assumed and what
is proved. Each proof holds for runs of any length (property-directed reachability), or, where proofs.json says `bounded`, for
all runs up to its depth; each cover statement is shown within the depth; each mutant must lead to a counterexample within it.
Exit 1 if anything is not as it should be."""
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
LIST = json.loads((ROOT / "formal/proofs.json").read_text())
PROOFS, SIZES = LIST["proofs"], LIST["sizes"]
PACKAGES = ["rtl/regs/regs_pkg.sv", "rtl/common/ats_pkg.sv", "rtl/iommu/iommu_pkg.sv"]


class Problem(Exception):
    pass


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"proofs to run; the default is all: {', '.join(PROOFS)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="proofs at a time; the default is the number of cores")
    parser.add_argument("--timeout", type=int, default=900, metavar="SECONDS", help="limit of one run of Yosys or ABC; the default is 900")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in PROOFS]
    if unknown:
        parser.error(f"no such proof: {', '.join(unknown)} (there are {', '.join(PROOFS)})")
    if arguments.jobs < 1 or arguments.timeout < 1:
        parser.error("--jobs and --timeout must be 1 or more")
    return arguments


def replaced(text, path, old, new):
    """The text of a source with one change applied; what is replaced must be there exactly once."""
    if text.count(old) != 1:
        raise Problem(f"formal/proofs.json: {path} has {text.count(old)} times `{old}`, expected once")
    return text.replace(old, new)


def resized(text, path, sizes):
    """The text of a source with other values for constants or parameters."""
    for name, value in sizes.items():
        text, count = re.subn(rf"(\b{name} = )\d+", rf"\g<1>{value}", text)
        if count != 1:
            raise Problem(f"formal/proofs.json: {path} has {count} times `{name} = ` with a number, expected once")
    return text


def run(command, timeout):
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise Problem(f"{command[0]} took more than {timeout} s (--timeout)") from expired
    return process.returncode, output


def last_line(output):
    return output.strip().splitlines()[-1] if output.strip() else "no output"


class Proof:
    def __init__(self, name, timeout):
        self.name, self.timeout, self.spec = name, timeout, PROOFS[name]
        self.folder = ROOT / "build/prove" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.noticed = []

    def sources(self, label, mutant):
        """Files to read: packages, harness, and what differs from rtl/; everything else is found by its name."""
        changed = {path: resized((ROOT / path).read_text(), path, sizes) for path, sizes in SIZES.get(self.spec.get("sizes"), {}).items()}
        if mutant:
            path = mutant["file"]
            changed[path] = replaced(changed.get(path) or (ROOT / path).read_text(), path, mutant["from"], mutant["to"])
        packages = PACKAGES if self.spec.get("packages") else []
        files = [*packages, *(path for path in changed if path not in packages), *self.spec.get("with", []), f"formal/{self.name}_proof.sv"]
        folder = self.folder / label
        folder.mkdir(exist_ok=True)
        for path, text in changed.items():
            (folder / Path(path).name).write_text(text)
        return [str((folder / Path(path).name).relative_to(ROOT)) if path in changed else path for path in files]

    def translate(self, label, mutant=None):
        """Translates harness and modules into build/prove/NAME/LABEL/asserts.aig and, but for a mutant, covers.aig."""
        sources = self.sources(label, mutant)
        folder = (self.folder / label).relative_to(ROOT)

        def write(kind):
            return (f"techmap; opt_expr; opt_merge; dffunmap; setundef -anyseq; aigmap; opt_clean; tee -q -o {folder}/{kind}.txt select -list t:$assert; "
                    f"write_aiger -I -B -zinit -no-startoffset -map {folder}/{kind}.aim {folder}/{kind}.aig")

        # several clocks: each edge of one is a step
        clocks = "clk2fflogic" if self.spec.get("clocks") else "async2sync"
        script = (f"read_verilog -formal -sv {' '.join(sources)}; hierarchy -check -top {self.name}_proof -libdir rtl/common -libdir rtl/fpga -libdir rtl/iommu; "
                  f"proc; opt_expr; memory_dff; memory_collect; memory_map; flatten; opt_clean -purge; opt -full; {clocks}; "
                  f"dffunmap; opt_clean -purge; check -assert; setundef -undriven -anyseq; delete -output; "
                  f"design -save whole; delete t:$cover; {write('asserts')}")
        if not mutant:
            script += f"; design -load whole; delete t:$assert; techmap -map formal/cover.v; {write('covers')}"
        code, output = run(["yosys", "-q", "-p", script], self.timeout)
        (ROOT / folder / "yosys.log").write_text(output)
        if code:
            raise Problem(f"yosys: {last_line(output)}")

    def solve(self, label, kind, command):
        """Has ABC look at each property. Returns the names of those with a counterexample, and what ABC says."""
        model = self.folder / label / kind
        names = [line.split("/", 1)[1].removesuffix(".never") for line in model.with_suffix(".txt").read_text().split()]
        code, output = run(["yosys-abc", "-c", f"read_aiger {model.relative_to(ROOT)}.aig; fold; strash; scorr; {command}"], self.timeout)
        model.with_suffix(".log").write_text(output)
        if code or not re.search(r"^(No output|All \d+ outputs|Status array|Output \d+|Property)", output, re.MULTILINE):
            raise Problem(f"yosys-abc: {last_line(output)}")
        return [names[int(number)] for number in re.findall(r"^Output (\d+) ", output, re.MULTILINE)], output

    def check(self):
        """Problems, none if all is proved."""
        depth = self.spec["depth"]
        self.translate("proof")
        failed, _ = self.solve("proof", "asserts", f"bmc3 -a -x -F {depth}")
        if failed:
            return [f"counterexample within {depth} clocks to {', '.join(failed)}"]
        problems = []
        shown, output = self.solve("proof", "covers", f"bmc3 -a -x -F {depth}")
        missing = [name.split("/")[1].removesuffix(".never") for name in (self.folder / "proof/covers.txt").read_text().split()]
        missing = [name for name in missing if name not in shown]
        if missing or not shown:
            problems.append(f"vacuous: within {depth} clocks nothing shows {', '.join(missing)}")
        if not self.spec.get("bounded"):
            _, output = self.solve("proof", "asserts", f"pdr -T {self.timeout}")
            if "Property proved" not in output:
                problems.append(f"not proved for runs of any length: {last_line(output)}")
        for number, mutant in enumerate(self.spec["mutants"]):
            self.translate(f"mutant{number}", mutant)
            failed, _ = self.solve(f"mutant{number}", "asserts", f"bmc3 -a -x -F {depth}")
            self.noticed.append(failed)
            if not failed:
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
    row = (name, str(spec["depth"]) if spec.get("bounded") else "any", str(len(spec["mutants"])), "FAIL" if problems else "proved", f"{seconds:.1f}")
    print(f"{name}: {row[3]} ({row[4]} s)", flush=True)
    for problem in problems:
        print(f"     {name}: {problem}", flush=True)
    return row


def main():
    arguments = parse_arguments()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(lambda name: check(name, arguments.timeout), arguments.names or PROOFS))
    table = [("proof", "clocks", "mutants", "result", "seconds"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    print()
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 1 if any(row[3] != "proved" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
