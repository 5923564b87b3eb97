# SPDX-License-Identifier: Apache-2.0
"""Runs the boots, two at a time, and judges them: by what the guest reports and by what the server counted."""
import contextlib
import multiprocessing
import os
import re
import shutil
import signal
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import machine
from process import die_with_parent, tail

AT_ONCE = 2  # boots: a guest takes less than half a core, since most of its tests wait for a reset of the card
TROUBLE = re.compile(r"WARNING: |BUG: |Oops|[Cc]all [Tt]race:|\[ cut here \]")  # of a kernel with itself
IOMMU_DRIVERS = ("DMAR:", "AMD-Vi:", "virtio_iommu")  # as the kernel names them


@dataclass
class Check:
    boot: str
    what: str
    ok: bool
    detail: str


def boot_once(root, image, boot, repository, folder, command_line):
    """(report, what is wrong with machine or servers, the counts of each server, what the guest's console showed)"""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = machine.Report(folder / boot.report, machine.new_token())
    with contextlib.ExitStack() as opened:
        # A socket's path has 107 bytes at most.
        short = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="aperture-")))
        sockets = [short / f"card{number}" for number in range(1, boot.cards + 1)]
        servers = [opened.enter_context(machine.Server(repository, boot, socket, folder)) for socket in sockets]
        command = command_line(root, image, boot, folder, sockets, report.token)
        wrong = machine.power_on(command, folder, report, servers, machine.Slots(boot, sockets))
        ended = [server.finish() for server in servers]
    wrong = wrong or next(filter(None, ended), None)
    counts = [server.counts() for server in servers]
    if not all(counts):
        wrong = wrong or "a server gave no counts"
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


def count_checks(boot, counts, card=""):
    """That a card was driven from the guest at all: registers, interrupts, and memory that the guest's IOMMU showed it."""
    received = counts.get("received", {})
    dma = counts.get("dma", {})
    way = "file" if boot.shared_memory else "message"
    moved = min(dma.get(f"{way}_read", 0), dma.get(f"{way}_written", 0))
    accesses = min(received.get("REGION_READ", 0), received.get("REGION_WRITE", 0))
    yield Check(boot.name, f"registers{card}", accesses > 1000,
                f"{received.get('REGION_READ', 0)} reads, {received.get('REGION_WRITE', 0)} writes")
    yield Check(boot.name, f"maps{card}", received.get("DMA_MAP", 0) > 100 and received.get("DMA_UNMAP", 0) > 100,
                f"{received.get('DMA_MAP', 0)} made, {received.get('DMA_UNMAP', 0)} taken back")
    yield Check(boot.name, f"DMA{card}", moved > 1 << 19,
                f"{dma.get(f'{way}_read', 0)} bytes read, {dma.get(f'{way}_written', 0)} written")
    yield Check(boot.name, f"interrupts{card}", counts.get("interrupts", 0) > 0, f"{counts.get('interrupts', 0)}")
    yield Check(boot.name, f"protocol{card}", counts.get("error_replies", 1) == 0, f"{counts.get('error_replies', '?')} error replies")


def refusal_check(boot, report, counts, console):
    """That the guest's IOMMU stopped the card where a test gives memory back first: its kernel has to name the card."""
    function = boot.faults_of or report.card().split(",")[0].split(":", 1)[-1] or "(no card)"
    told = [line for line in console.splitlines() if function in line and any(driver in line for driver in IOMMU_DRIVERS)]
    refused = counts[0].get("dma", {}).get("unsupported", 0)
    return Check(boot.name, "refused", bool(told) and refused > 0, f"{refused} accesses, {len(told)} told by the kernel")


def kernel_check(boot, console):
    trouble = next((line.strip() for line in console.splitlines() if TROUBLE.search(line)), None)
    return Check(boot.name, "kernel", trouble is None, trouble or "no complaint about itself")


def judge(boot, report, wrong, counts, console):
    yield Check(boot.name, "machine", wrong is None, wrong or "powered off")
    yield kernel_check(boot, console)
    if wrong is None:
        yield Check(boot.name, "report", report.done(), "complete" if report.done() else "the guest did not reach its end")
    for name in (*["plug"] * boot.plugged, "modules", "bind", *boot.steps):
        yield step_check(boot, report, name)
    for number, of_card in enumerate(counts, 1):
        yield from count_checks(boot, of_card, f" {number}" * (boot.cards > 1))
    yield refusal_check(boot, report, counts, console)


def show_logs(folder):
    for file in sorted(folder.glob("*.log")):
        if file.name != "report.log":
            print(f"  last lines of {file}:\n{tail(file)}", flush=True)


def summary(boots, checks, seconds):
    """A line a boot: what it had, and how much of it was good."""
    yield f"{'boot':<13}{'':<7}{'checks':<10}{'time':<7}what"
    for boot in boots:
        own = [check for check in checks if check.boot == boot.name]
        good = sum(check.ok for check in own)
        yield (f"{boot.name:<13}{'ok' if good == len(own) else 'FAILED':<7}{f'{good}/{len(own)}':<10}"
               f"{f'{seconds[boot.name]:.0f} s':<7}{boot.what}")


@dataclass
class Judged:
    checks: list
    seconds: float


def rehearse(boot, *others):
    """A worker's part. One that is told to end does: the pool would go on with the next boot."""
    try:
        return boot_and_judge(boot, *others)
    except SystemExit as ended:
        os._exit(ended.code)


def boot_and_judge(boot, root, image, repository, folder, command_line, judge):
    print(f"rehearse: {boot.name}: {boot.what} ...", flush=True)
    began = time.monotonic()
    seen = boot_once(root, image, boot, repository, folder / boot.name, command_line)
    if panicked_early(seen[0], seen[-1]):
        print(f"rehearse: {boot.name}: the kernel panicked before its first program; once more", flush=True)
        seen = boot_once(root, image, boot, repository, folder / boot.name, command_line)
    judged = Judged(list(judge(boot, *seen)), time.monotonic() - began)
    print(f"rehearse: {boot.name} took {judged.seconds:.0f} s", flush=True)
    return judged


def begin_worker():
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # workers are ended by SIGTERM, see below


@contextlib.contextmanager
def workers(count):
    """Processes, in which boots run. Whatever ends the block early ends them and what they started."""
    with ProcessPoolExecutor(count, multiprocessing.get_context("fork"), begin_worker) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def result(boot, future):
    """What a boot came to; one that could not be made is a failed check, and the others go on."""
    try:
        return future.result()
    except (RuntimeError, OSError, ValueError) as error:
        return Judged([Check(boot.name, "machine", False, f"not run to its end: {error or type(error).__name__}")], 0)


def run(root, image, repository, folder, boots, command_line=machine.command_line, judge=judge):
    """Prints a table; the exit code. `image` is what `command_line` makes a guest of."""
    checks = []
    seconds = {}
    with workers(min(AT_ONCE, len(boots))) as pool:
        futures = [pool.submit(rehearse, boot, root, image, repository, folder, command_line, judge) for boot in boots]
        for boot, future in zip(boots, futures):
            judged = result(boot, future)
            if not all(check.ok for check in judged.checks):
                show_logs(folder / boot.name)
            checks += judged.checks
            seconds[boot.name] = judged.seconds
    for check in checks:
        print(f"{'ok  ' if check.ok else 'FAIL'} {check.boot:<12} {check.what:<13} {check.detail}")
    print("", *summary(boots, checks, seconds), "", sep="\n")
    failed = sum(not check.ok for check in checks)
    print(f"rehearse: {failed or 'none'} of {len(checks)} checks failed", flush=True)
    return 1 if failed else 0
