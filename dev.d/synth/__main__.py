#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the RTL of the card becomes on an FPGA of Xilinx's 7 series, by Yosys: for each module, without its children and with the
parameters that it has in the card, LUTs, flip-flops, RAM bits, and the LUTs and carry chains on its longest path. A module that
has grown past its budget in rtl/synthesis.json fails. --sim instead runs the traces and the driver's tests on the synthesised IOMMU."""
import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import area
import netlist
from checks.rtl import Design

ROOT = Path(__file__).resolve().parent.parent.parent
BUDGETS = "rtl/synthesis.json"
SLACK = 1.05  # what a change elsewhere in a module moves by chance
COLUMNS = ("lut", "ff", "ram", "depth")


def parse_arguments(modules):
    parser = argparse.ArgumentParser(prog="./dev synth", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="modules to synthesise; the default is all of the card")
    parser.add_argument("--update", action="store_true", help=f"accept what was found as the budgets in {BUDGETS}")
    parser.add_argument("--sim", action="store_true", help="simulate the netlist of the IOMMU, in the card, under quick tests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes at a time; the default is the number of cores")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.modules if name not in modules]
    if unknown:
        parser.error(f"no such module in rtl/: {', '.join(unknown)}")
    if arguments.jobs < 1:
        parser.error("--jobs must be 1 or more")
    if arguments.sim and (arguments.modules or arguments.update):
        parser.error("--sim takes the whole IOMMU: neither MODULE nor --update goes with it")
    return arguments


def show(found):
    rows = [("module", "LUT", "FF", "RAM bits", "depth"), *((name, *(str(found[name][key]) for key in COLUMNS)) for name in sorted(found))]
    rows.append(("sum", *(str(sum(each[key] for each in found.values())) for key in COLUMNS[:3]), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip())


def over_budget(found, budgets):
    for name in sorted(found):
        if name not in budgets:
            yield f"{name}: has no budget"
            continue
        for key in COLUMNS:
            if found[name][key] > budgets[name][key] * SLACK + 1:
                yield f"{name}: {key} {found[name][key]}, budget {budgets[name][key]}"


def main():
    design = Design(ROOT)
    arguments = parse_arguments(design.modules)
    if arguments.sim:
        return netlist.simulate(ROOT, design, arguments.jobs)
    try:
        found = area.measure(ROOT, design, arguments.modules)
    except area.Problem as problem:
        print(f"synth: {problem}", file=sys.stderr)
        return 1
    show(found)
    path = ROOT / BUDGETS
    budgets = json.loads(path.read_text()) if path.exists() else {}
    if arguments.update:
        kept = {name: budget for name, budget in budgets.items() if arguments.modules and name in design.modules}
        merged = kept | found
        path.write_text("{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(merged[name])}" for name in sorted(merged)) + "\n}\n")
        return 0
    problems = list(over_budget(found, budgets))
    for problem in problems:
        print(f"over its budget: {problem} (if that is meant: ./dev synth --update {problem.split(':')[0]})")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
