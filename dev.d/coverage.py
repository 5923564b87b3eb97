#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which lines of the RTL the tests run: builds the simulated card with Verilator's line coverage in build/coverage, runs every
test that drives RTL, of both labels, and prints lines, covered lines and per cent of each file. A line counts as covered when all
that stands on it has run in one instance at least: of `if (a) b; else c;`, both ways. Lines of rtl/iommu that no test runs are
named in rtl/coverage.json, each with the reason. Exit 1 if a test fails, less than 97 % of rtl/iommu is covered, an uncovered line
there is not in the list, or the list names a line that is covered or gone."""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/coverage"
FOLDER = BUILD / "lines"
EXCEPTIONS = ROOT / "rtl/coverage.json"
JUDGED = "rtl/iommu/"
LEAST = 97.0
TARGETS = ("aperture", "ats_test", "bench_test", "card_test", "common_test", "cosim_test", "device_socket_test", "dma_test", "iommu_regression_test",
           "iommu_test", "isolation_test", "replay_test", "sim_bus_card_test", "soak", "tlb_test", "translation_test")
# mutants and instruction counts are about another build; the model has no RTL
TESTS, NOT_THESE = r"^(bench|cosim|replay|rtl|soak|traces\.sim|cli\.sim)", r"^rtl\.mutants|^cosim\.model|two_models|CycleLaws"
POINT = re.compile(r"C '([^']*)' (\d+)")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev coverage", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="tests at a time; the default is the number of cores")
    parser.add_argument("--report", action="store_true", help="only print again what the last run has counted")
    parser.add_argument("--all", action="store_true", help="list the uncovered lines of every file, not of rtl/iommu alone")
    return parser.parse_args()


def run(command, environment=None):
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=environment, check=False).returncode == 0


def collect(jobs):
    """Builds, runs, and merges what was counted. Returns whether all of it went well."""
    if not run(["cmake", "--preset", "coverage"]) or not run(["cmake", "--build", BUILD, "-j", jobs, "--target", *TARGETS]):
        return False
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    environment = {**os.environ, "APERTURE_COVERAGE_FOLDER": str(FOLDER)}
    passed = run(["ctest", "--test-dir", BUILD, "-j", jobs, "-R", TESTS, "-E", NOT_THESE, "--no-tests=error", "--output-on-failure", "--timeout", 1800],
                 environment)
    files = sorted(FOLDER.glob("*.dat"))
    if not files:
        print("coverage: the tests have written nothing")
        return False
    return run(["verilator_coverage", "--write", BUILD / "merged.dat", *files]) and passed


def points(text):
    """(file, lines, place of the point in the source, count) of each point of Verilator's file."""
    for match in POINT.finditer(text):
        keys = dict(item.split("\2", 1) for item in match[1].split("\1") if item)
        lines = []
        for part in keys.get("S", keys["l"]).split(","):
            first, _, last = part.partition("-")
            lines += range(int(first), int(last or first) + 1)
        yield keys["f"], lines, (keys["l"], keys.get("n", ""), keys.get("o", "")), int(match[2])


def count(text):
    """{file below the root: {line: has all of it run?}}, over all instances of a module."""
    hits = collections.Counter()
    for file, lines, place, hit in points(text):
        path = os.path.relpath(os.path.join(BUILD, file), ROOT)
        for line in lines:
            hits[path, line, place] += hit
    found = {}
    for (path, line, _), hit in hits.items():
        covered = found.setdefault(path, {})
        covered[line] = covered.get(line, True) and hit > 0
    return {path: found[path] for path in sorted(found) if path.startswith("rtl/")}


def excused(exceptions, path, text):
    return next((entry for entry in exceptions if entry["file"] == path and entry["line"] == text), None)


def report(found, every):
    """Prints the table; returns problems."""
    exceptions, used, problems = json.loads(EXCEPTIONS.read_text()), [], []
    folders = collections.defaultdict(lambda: [0, 0])
    print(f"{'file':36} {'lines':>6} {'covered':>8} {'%':>6}")
    uncovered = []
    for path, lines in found.items():
        covered = sum(lines.values())
        print(f"{path:36} {len(lines):6} {covered:8} {100 * covered / len(lines):6.1f}")
        folders[path[:path.rindex("/") + 1]][0] += len(lines)
        folders[path[:path.rindex("/") + 1]][1] += covered
        source = (ROOT / path).read_text().splitlines()
        uncovered += [(path, line, source[line - 1].strip()) for line in sorted(lines) if not lines[line]]
    for folder, (lines, covered) in folders.items():
        print(f"{folder:36} {lines:6} {covered:8} {100 * covered / lines:6.1f}")
    print("\nuncovered")
    for path, line, text in uncovered:
        entry = excused(exceptions, path, text)
        if entry:
            used.append(entry)
        if every or path.startswith(JUDGED):
            print(f"{path}:{line}: {text}" + (f"\n    {entry['reason']}" if entry else ""))
        if path.startswith(JUDGED) and not entry:
            problems.append(f"{path}:{line} is not covered, and rtl/coverage.json gives no reason")
    problems += [f"rtl/coverage.json: {entry['file']}: `{entry['line']}` is covered or gone" for entry in exceptions if entry not in used]
    lines, covered = folders[JUDGED]
    if not lines or 100 * covered / lines < LEAST:
        problems.append(f"{JUDGED}: {covered} of {lines} lines are covered, less than {LEAST} %")
    return problems


def main():
    arguments = parse_arguments()
    passed = arguments.report or collect(arguments.jobs)
    merged = BUILD / "merged.dat"
    if not merged.exists():
        print("coverage: nothing has been counted", file=sys.stderr)
        return 1
    problems = report(count(merged.read_text(errors="replace")), arguments.all)
    if not passed:
        problems.append("a test failed, or something could not be built")
    print("\n".join(["", *problems]) if problems else "\ncoverage: no problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
