# SPDX-License-Identifier: Apache-2.0
"""Every module of rtl/ as a top of its own, with its default parameters, through Verilator and Yosys. Each check returns a list
of problems. Of the state that Yosys finds in a module (without its children), the committed file rtl/flipflops.json holds the
expected amount: a change nobody meant, such as a register that vanished in synthesis, shows as a difference there."""
import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COUNTS = "rtl/flipflops.json"
WAIVERS = "rtl/lint.vlt"
MODULE = re.compile(r"^\s*module\s+(\w+)", re.M)
FLIP_FLOP = re.compile(r"^ +\$[a-z]*dff[a-z]*_(\d+) +(\d+)$", re.M)
LATCH = re.compile(r"^ +(\$[a-z]*(?:latch|sr)_\d+) ", re.M)
MEMORY = re.compile(r"Number of memory bits: +(\d+)")


class Design:
    def __init__(self, root):
        self.root = root
        paths = sorted(path.relative_to(root).as_posix() for path in (root / "rtl").rglob("*.sv"))
        # the register map first: other packages use it
        self.packages = sorted((path for path in paths if path.endswith("_pkg.sv")), key=lambda path: "regs_pkg" not in path)
        self.modules = {Path(path).stem: path for path in paths if not path.endswith("_pkg.sv")}
        self.folders = sorted({str(Path(path).parent) for path in paths})
        self.sources = {path: (root / path).read_text() for path in paths}

    def names(self):
        """One module a file, named as its file."""
        problems = []
        for name, path in self.modules.items():
            found = MODULE.findall(self.sources[path])
            if found != [name]:
                problems.append(f"{path}: expected one module called {name}, found {', '.join(found) or 'none'}")
        return problems

    def each(self, job):
        """job(module name) for all modules, as many at a time as there are cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(self.modules, pool.map(job, self.modules)))

    def verilator(self):
        def lint(name):
            return subprocess.run(
                ["verilator", "--lint-only", "-Wall", "-sv", "--top-module", name, WAIVERS, *self.packages, self.modules[name],
                 *(word for folder in self.folders for word in ("-y", folder))], cwd=self.root, capture_output=True, text=True)

        problems = {}  # a shared file's problem shows up under every module that reads it: said once
        for run in self.each(lint).values():
            if run.returncode or run.stderr:
                problems |= dict.fromkeys(headlines(run.stderr, r"%(Warning|Error)"))
        return list(problems)

    def yosys(self, update):
        problems, counts = [], {}
        for name, (errors, count) in self.each(self.synthesise).items():
            problems += [f"{self.modules[name]}: {line}" for line in errors]
            if count:
                counts[name] = count
        expected = self.expected_counts()
        if update:
            kept = {name: count for name, count in expected.items() if name in self.modules}
            write_counts(self.root / COUNTS, kept | counts)
            return problems
        return problems + self.differences(expected, counts)

    def synthesise(self, name):
        """Problems, and the state of the module itself: {"flipflops": bits, "memory": bits}."""
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "stat.txt"
            libraries = " ".join(f"-libdir {folder}" for folder in self.folders)
            script = (f"read_verilog -sv {' '.join(self.packages)} {self.modules[name]}; "
                      f"hierarchy -check -top {name} {libraries}; proc; check -assert; opt_clean; tee -q -o {report} stat -width {name}")
            run = subprocess.run(["yosys", "-q", "-e", "implicitly", "-p", script], cwd=self.root, capture_output=True, text=True)
            if run.returncode:
                return headlines(run.stdout + run.stderr, r"(.*\b(ERROR|Warning)\b|.*: ERROR)"), None
            return count_state(report.read_text())

    def expected_counts(self):
        path = self.root / COUNTS
        return json.loads(path.read_text()) if path.exists() else {}

    def differences(self, expected, counts):
        problems = []
        for name in sorted(counts.keys() | (expected.keys() - self.modules.keys())):
            if counts.get(name) != expected.get(name):
                problems.append(f"{self.modules.get(name, COUNTS)}: module {name}: expected {show(expected.get(name))}, found "
                                f"{show(counts.get(name))} (if that is meant: ./dev lint --update-ff)")
        return problems


def headlines(text, pattern):
    lines = [line for line in text.splitlines() if re.match(pattern, line) and "Exiting due to" not in line]
    if len(lines) > 8:
        lines = [*lines[:4], f"... {len(lines) - 5} more lines ...", lines[-1]]
    return lines or text.splitlines()[-1:] or ["failed without a message"]


def count_state(statistics):
    problems = [f"latch inferred ({cell})" for cell in LATCH.findall(statistics)]
    flip_flops = sum(int(width) * int(number) for width, number in FLIP_FLOP.findall(statistics))
    return problems, {"flipflops": flip_flops, "memory": int(MEMORY.search(statistics).group(1))}


def show(count):
    return f"{count['flipflops']} flip-flops and {count['memory']} memory bits" if count else "no count"


def write_counts(path, counts):
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(counts[name])}" for name in sorted(counts))
    path.write_text(f"{{\n{rows}\n}}\n")
