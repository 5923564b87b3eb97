# SPDX-License-Identifier: Apache-2.0
"""The guest in which Linux's own RISC-V IOMMU driver has the card's IOMMU: how it is booted, and when it has passed."""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import machine
import riscv_tree
from rehearsal import Check, kernel_check

MEMORY = "256M"
SLOTS = {"iommu": "1.0", "dma": "2.0"}  # on the root bus
# All that the RTL has but Svpbmt: with it Linux 7.3 makes no domain. Its drivers/iommu/riscv asks for the feature, which its
# page tables (drivers/iommu/generic_pt/fmt/iommu_riscv64.c) do not list, and the domain is refused with EOPNOTSUPP.
CARD = 'sim:straps={"capabilities": "0xfffffff8ffff7f10"}'
MODE_3LVL = 4
# tests/vm/riscv: what the IOMMU is to refuse, and what it says of it in (cause, device_id, iotval).
NOBODY = (258, 0xABCDE, 0x123456000)  # no context in the device directory
PROTECTED = (15, 0x10, 0x3FFFFFF000)  # store page fault
UNMAPPED = (15, 0x10, 0x2A00000000)
STRANGER = (258, 0x11, 0x2A00000000)
FAULTS = (NOBODY, PROTECTED, UNMAPPED, STRANGER)
STEPS = ("fault", "module", "identity", "attach", "copy", "large", "remap", "protected", "unmapped", "stranger", "afterwards",
         "detach", "interrupts")
COPIED = 2 * 64 * 4096 - 200  # bytes that the guest has the DMA function copy
# Linux 7.3, drivers/iommu/riscv: the module's name by which its PCI driver goes, and what it says with debugging messages on.
DRIVER = "iommu_pci"
QUEUES = ("queue #0 allocated 2^13 entries", "queue #1 allocated 2^12 entries")
TROUBLE = re.compile(r"fail|error|timeout|cannot|unexpected|unable|unhandled", re.IGNORECASE)


@dataclass(frozen=True)
class Boot:
    name: str = "riscv"
    what: str = "Linux's RISC-V IOMMU driver on the card's IOMMU, the card's DMA behind it"
    card: str = CARD
    cards: int = 1
    plugged: bool = False
    function: str = "iommu"
    report: str = "console.log"


@dataclass(frozen=True)
class Guest:
    kernel: Path
    ram_disk: Path


def function(slot, socket):
    return json.dumps(machine.served(socket, addr=slot))


def command_line(root, guest, _boot, folder, sockets, token):
    append = ["console=ttyS0", "loglevel=8", "panic=-1", '"dyndbg=file drivers/iommu/riscv/* +p"', f"aperture.token={token}"]
    command = machine.qemu(root, "riscv64") + [
        "-accel", "tcg", "-M", "virt,aia=aplic-imsic", "-m", MEMORY,
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-serial", f"file:{folder}/console.log", "-kernel", str(guest.kernel), "-initrd", str(guest.ram_disk),
        "-append", " ".join(append), "-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on",
        "-machine", "memory-backend=memory"]
    tree = riscv_tree.make(root, command, folder, SLOTS["iommu"])
    return [*command, "-dtb", str(tree), "-device", function(SLOTS["iommu"], sockets[0]),
            "-device", function(SLOTS["dma"], machine.dma_socket(sockets[0]))]


def driver_checks(boot, report, console):
    function = report.card()
    driver, registered = report.word("driver"), report.word("registered")
    yield Check(boot.name, "driver", driver == DRIVER and registered == f"riscv-iommu@{function}",
                f"{driver or 'none'} has {function or 'no function'}, as {registered or 'nothing'}")
    told = [line for line in console.splitlines() if function and function in line]
    missing = [text for text in QUEUES if not any(text in line for line in told)]
    trouble = [line for line in told if TROUBLE.search(line)]
    yield Check(boot.name, "log", not missing and not trouble, (trouble or [f"no '{text}'" for text in missing] or
                                                                [f"{len(told)} lines of the driver, no complaint"])[0])
    for step in STEPS:
        code = report.step(step).get("exit", "never ended")
        yield Check(boot.name, step, code == 0, f"exit code {code}")
    said = [line.partition(": Fault ")[2] for line in told if ": Fault " in line]
    wanted = [f"{cause} devid: {device:#x} iotval: {iotval:x} iotval2: 0" for cause, device, iotval in FAULTS]
    yield Check(boot.name, "faults", said == wanted, "; ".join(said) or "none told by the kernel")


def field(counts, register, name="index"):
    """-1: the server has not told."""
    value = counts.get("registers", {}).get(register, {}).get(name, -1)
    return int(value, 16) if isinstance(value, str) else value


def register_checks(boot, counts):
    """What the served IOMMU itself says of how the driver has left it."""
    yield Check(boot.name, "directory", field(counts, "ddtp", "iommu_mode") == MODE_3LVL and field(counts, "ddtp", "busy") == 0,
                f"ddtp.iommu_mode {field(counts, 'ddtp', 'iommu_mode')}, busy {field(counts, 'ddtp', 'busy')}")
    for csr, names, bad in (("cqcsr", ("cqen", "cie", "cqon"), ("cqmf", "cmd_to", "cmd_ill", "fence_w_ip", "busy")),
                            ("fqcsr", ("fqen", "fie", "fqon"), ("fqmf", "fqof", "busy"))):
        wrong = [f"{name} {field(counts, csr, name)}" for name in names if field(counts, csr, name) != 1]
        wrong += [f"{name} {field(counts, csr, name)}" for name in bad if field(counts, csr, name) != 0]
        yield Check(boot.name, csr, not wrong, ", ".join(wrong) or "on, interrupt enabled, no error")
    cqh, cqt, fqh, fqt = (field(counts, register) for register in ("cqh", "cqt", "fqh", "fqt"))
    yield Check(boot.name, "commands", cqh == cqt > 0, f"cqh {cqh}, cqt {cqt}")
    yield Check(boot.name, "records", fqh == fqt == len(FAULTS), f"fqh {fqh}, fqt {fqt}")
    vectors = [field(counts, "icvec", name) for name in ("civ", "fiv", "pmiv", "piv")]
    pending = [name for name in ("cip", "fip", "pmip", "pip") if field(counts, "ipsr", name) != 0]
    yield Check(boot.name, "vectors", vectors == [0, 1, 3, 2] and not pending,
                f"civ, fiv, pmiv, piv {vectors}, pending {', '.join(pending) or 'none'}")


def traffic_checks(boot, counts):
    """That the DMA went through the IOMMU, by tables that the kernel has made."""
    behind = counts.get("behind", {})
    dma = behind.get("dma", {})
    moved = [dma.get(f"file_{way}", 0) for way in ("read", "written")]
    yield Check(boot.name, "DMA", min(moved) >= COPIED, f"{moved[0]} bytes read, {moved[1]} written")
    counted = {name: field(counts, name, "count") for name in ("translations", "tlb_hits", "walk_reads")}
    yield Check(boot.name, "translated", min(counted.values()) > 0,
                ", ".join(f"{name} {count}" for name, count in counted.items()))
    yield Check(boot.name, "completions", behind.get("interrupts", 0) > 0 and behind.get("error_replies", 1) == 0,
                f"{behind.get('interrupts', 0)} interrupts, {behind.get('error_replies', '?')} error replies")


def judge(boot, report, wrong, counts, console):
    counts = counts[0]
    yield Check(boot.name, "machine", wrong is None, wrong or "ended")
    yield kernel_check(boot, console)
    if wrong is None:
        yield Check(boot.name, "report", report.done(), "complete" if report.done() else "the guest did not reach its end")
    yield from driver_checks(boot, report, console)
    yield from register_checks(boot, counts)
    yield from traffic_checks(boot, counts)
    yield Check(boot.name, "interrupts", counts.get("interrupts", 0) > 0, f"{counts.get('interrupts', 0)}")
    yield Check(boot.name, "protocol", counts.get("error_replies", 1) == 0, f"{counts.get('error_replies', '?')} error replies")
