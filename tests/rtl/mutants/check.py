#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For each patch beside this file: builds the regressions on RTL that has the defect, and expects the suite of the same
name to fail and every other to pass. Exit status 1 if a patch does not apply, or any other suite fails, or its own passes.
A patch is named for its suite, which may be spread over several programs: hostile_port.patch, hostile_port.WHAT.patch.

usage: check.py SOURCE_FOLDER SCRATCH_FOLDER [CMAKE_CACHE_ENTRY...]
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

PROGRAMS = ("bench/iommu_regression_test", "rtl/isolation_test")  # below tests/


def run(arguments, folder, log, environment):
    with open(log, "a", encoding="utf-8") as out:
        return subprocess.run(arguments, cwd=folder, stdout=out, stderr=out, env=environment, check=False).returncode


def show(log):
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join(lines[-40:]))


def copy_rtl(source, scratch):
    """Copies what differs only, so that an unchanged file keeps its time."""
    for file in (scratch / "rtl").rglob("*"):
        if file.is_file() and not (source / file.relative_to(scratch)).exists():
            file.unlink()
    for file in (source / "rtl").rglob("*"):
        target = scratch / file.relative_to(source)
        if file.is_file() and not (target.exists() and target.read_bytes() == file.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def suites(reports):
    """Suite name, without the parts that a parameterised test adds: did a test of it fail?"""
    failed = {}
    for report in reports:
        for suite in json.loads(report.read_text(encoding="utf-8"))["testsuites"]:
            name = suite["name"].rsplit("/", 1)[-1]
            failed[name] = failed.get(name, False) or suite["failures"] != 0
    return failed


def main():
    source, scratch = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    entries = sys.argv[3:]
    build, log = scratch / "build", scratch / "log.txt"
    reports = {program: scratch / f"{pathlib.Path(program).name}.json" for program in PROGRAMS}
    scratch.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    environment = dict(os.environ)
    # Patches apply to the copy, wherever that lies; ccache finds what any other build folder has compiled.
    environment["GIT_CEILING_DIRECTORIES"] = str(scratch.parent)
    environment.setdefault("CCACHE_NOHASHDIR", "1")

    bad = 0
    for patch in sorted(pathlib.Path(__file__).parent.glob("*.patch")):
        start = time.monotonic()
        expected = "".join(word.capitalize() for word in patch.name.split(".")[0].split("_"))
        copy_rtl(source, scratch)
        steps = [
            (["git", "apply", str(patch)], scratch),
            (["cmake", "-G", "Ninja", "-S", str(source), "-B", str(build), "-DAPERTURE_WIDTHS=64", "-DAPERTURE_FPGA=OFF",
              "-DAPERTURE_TESTS=support;bench;rtl", f"-DAPERTURE_RTL={scratch / 'rtl' / 'card.f'}", *entries], scratch),
            (["cmake", "--build", str(build), "--target", *(pathlib.Path(p).name for p in PROGRAMS)], scratch),
        ]
        broken = next((step for step, folder in steps if run(step, folder, log, environment) != 0), None)
        if broken:
            print(f"{patch.name}: {' '.join(broken)} failed; {log} ends with")
            show(log)
            bad += 1
            continue
        for program, report in reports.items():
            report.unlink(missing_ok=True)
            run([str(build / "tests" / program), f"--gtest_output=json:{report}"], scratch, log, environment)
        unfinished = [program for program, report in reports.items() if not report.exists()]
        if unfinished:
            print(f"{patch.name}: {', '.join(unfinished)} did not finish; {log} ends with")
            show(log)
            bad += 1
            continue
        failed = suites(reports.values())
        right = expected in failed and all(failed[name] == (name == expected) for name in failed)
        bad += not right
        names = ", ".join(sorted(name for name in failed if failed[name])) or "none"
        print(f"{'ok ' if right else 'BAD'} {patch.name}: expected {expected} to fail, and nothing else; failed: {names} "
              f"({time.monotonic() - start:.0f} s)", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
