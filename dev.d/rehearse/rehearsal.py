# SPDX-License-Identifier: Apache-2.0
"""Runs the boots one after the other and judges them: by what the guest reports and by what the server counted."""
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import machine
from process import tail


@dataclass
class Check:
    boot: str
    what: str
    ok: bool
    detail: str


def boot_once(root, image, boot, repository, folder, command_line):
    """(report, what is wrong with machine or server, the server's counts, what the guest's console showed)"""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = machine.Report(folder / boot.report, machine.new_token())
    with tempfile.TemporaryDirectory(prefix="aperture-") as short:  # a socket's path has 107 bytes at most
        socket = Path(short) / "card"
        with machine.Server(repository, boot, socket, folder) as server:
            command = command_line(root, image, boot, folder, socket, report.token)
            wrong = machine.power_on(command, folder, report, server)
            ended = server.finish()
    if wrong is None and ended != 0:
        wrong = "the server did not end" if ended is None else f"the server ended with exit code {ended}"
    try:
        document = json.loads((folder / "counts.json").read_text())
        counts = document["client0"] | {"behind": document.get("dma_client0", {})}
    except (ValueError, KeyError):
        counts = {}
        wrong = wrong or "the server gave no counts"
    console = folder / "console.log"
    return report, wrong, counts, console.read_text(errors="replace") if console.exists() else ""


def panicked_early(report, console):
    return not report.started() and "Kernel panic" in console


def step_check(boot, report, name):
    known = report.step(name)
    if "exit" not in known:
        return Check(boot.name, name, False, "never ended")
    tests = [f"{known[word]} {word.lower()}" for word in ("PASSED", "FAILED", "SKIPPED") if word in known]
    ended = [] if known["exit"] == 0 else [f"exit code {known['exit']}"]
    # Exit code 0 is not enough for tests: it says so too when all were skipped.
    ok = known["exit"] == 0 and known.get("PASSED") != 0
    return Check(boot.name, name, ok, ", ".join([*ended, *tests, f"{known.get('seconds', '?')} s"]))


def count_checks(boot, counts):
    """That the card was driven from the guest at all: registers, interrupts, and memory that the guest's IOMMU showed it."""
    received = counts.get("received", {})
    dma = counts.get("dma", {})
    way = "file" if boot.shared_memory else "message"
    moved = min(dma.get(f"{way}_read", 0), dma.get(f"{way}_written", 0))
    accesses = min(received.get("REGION_READ", 0), received.get("REGION_WRITE", 0))
    yield Check(boot.name, "registers", accesses > 1000,
                f"{received.get('REGION_READ', 0)} reads, {received.get('REGION_WRITE', 0)} writes")
    yield Check(boot.name, "maps", received.get("DMA_MAP", 0) > 100 and received.get("DMA_UNMAP", 0) > 100,
                f"{received.get('DMA_MAP', 0)} made, {received.get('DMA_UNMAP', 0)} taken back")
    yield Check(boot.name, "DMA", moved > 1 << 20,
                f"{dma.get(f'{way}_read', 0)} bytes read, {dma.get(f'{way}_written', 0)} written")
    yield Check(boot.name, "interrupts", counts.get("interrupts", 0) > 0, f"{counts.get('interrupts', 0)}")
    yield Check(boot.name, "protocol", counts.get("error_replies", 1) == 0, f"{counts.get('error_replies', '?')} error replies")


def refusal_check(boot, report, counts, console):
    """That the guest's IOMMU stopped the card where a test gives memory back first: its kernel has to name the card."""
    function = boot.faults_of or report.card().split(":", 1)[-1] or "(no card)"
    told = [line for line in console.splitlines() if function in line and ("DMAR:" in line or "AMD-Vi:" in line)]
    refused = counts.get("dma", {}).get("unsupported", 0)
    return Check(boot.name, "refused", bool(told) and refused > 0, f"{refused} accesses, {len(told)} told by the kernel")


def judge(boot, report, wrong, counts, console):
    yield Check(boot.name, "machine", wrong is None, wrong or "powered off")
    if wrong is None:
        yield Check(boot.name, "report", report.done(), "complete" if report.done() else "the guest did not reach its end")
    for name in ("modules", "bind", *boot.steps):
        yield step_check(boot, report, name)
    yield from count_checks(boot, counts)
    yield refusal_check(boot, report, counts, console)


def show_logs(folder):
    for name in ("console.log", "qemu.log", "server.log"):
        print(f"  last lines of {folder / name}:\n{tail(folder / name)}", flush=True)


def run(root, image, repository, folder, boots, command_line=machine.command_line, judge=judge):
    """Prints a table; the exit code. `image` is what `command_line` makes a guest of."""
    checks = []
    for boot in boots:
        print(f"rehearse: {boot.name}: {boot.what} ...", flush=True)
        began = time.monotonic()
        place = folder / boot.name
        seen = boot_once(root, image, boot, repository, place, command_line)
        if panicked_early(seen[0], seen[-1]):
            print("rehearse: the kernel panicked before its first program; once more", flush=True)
            seen = boot_once(root, image, boot, repository, place, command_line)
        found = list(judge(boot, *seen))
        print(f"rehearse: {boot.name} took {time.monotonic() - began:.0f} s", flush=True)
        if not all(check.ok for check in found):
            show_logs(place)
        checks += found
    for check in checks:
        print(f"{'ok  ' if check.ok else 'FAIL'} {check.boot:<10} {check.what:<12} {check.detail}")
    failed = sum(not check.ok for check in checks)
    print(f"rehearse: {failed or 'none'} of {len(checks)} checks failed", flush=True)
    return 1 if failed else 0
