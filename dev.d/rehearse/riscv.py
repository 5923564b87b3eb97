# SPDX-License-Identifier: Apache-2.0
"""The guest in which Linux's own RISC-V IOMMU driver has the card's IOMMU: how it is booted, and when it has passed."""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import machine
from rehearsal import Check

MEMORY = "256M"
SLOT = "1.0"
MODE_3LVL = 4
NOBODY = 0xABCDE  # the device_id that the guest's first program lets the IOMMU refuse
NOT_VALID = 258  # its cause: no entry in the device directory
# Linux 7.3, drivers/iommu/riscv: the module's name by which its PCI driver goes, and what it says with debugging messages on.
DRIVER = "iommu_pci"
QUEUES = {0: "queue #0 allocated 2^13 entries", 1: "queue #1 allocated 2^12 entries"}
TROUBLE = re.compile(r"fail|error|timeout|cannot|unexpected|unable|unhandled|Call trace|WARNING:|BUG:", re.IGNORECASE)


@dataclass(frozen=True)
class Boot:
    name: str = "riscv"
    what: str = "Linux's RISC-V IOMMU driver on the card's IOMMU"
    card: str = "sim"
    function: str = "iommu"
    report: str = "console.log"


@dataclass(frozen=True)
class Guest:
    kernel: Path
    ram_disk: Path


def command_line(root, guest, _boot, folder, socket, token):
    card = {"driver": "vfio-user-pci", "addr": SLOT, "x-msg-timeout": machine.MESSAGE_LIMIT,
            "socket": {"type": "unix", "path": str(socket)}}
    append = ["console=ttyS0", "loglevel=8", "panic=-1", '"dyndbg=file drivers/iommu/riscv/* +p"', f"aperture.token={token}"]
    return machine.qemu(root, "riscv64") + [
        "-accel", "tcg", "-M", "virt,aia=aplic-imsic", "-m", MEMORY, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-serial", f"file:{folder}/console.log", "-kernel", str(guest.kernel), "-initrd", str(guest.ram_disk),
        "-append", " ".join(append), "-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on",
        "-machine", "memory-backend=memory", "-device", json.dumps(card)]


def driver_checks(boot, report, console):
    function = report.card()
    driver, registered = report.word("driver"), report.word("registered")
    yield Check(boot.name, "driver", driver == DRIVER and registered == f"riscv-iommu@{function}",
                f"{driver or 'none'} has {function or 'no function'}, as {registered or 'nothing'}")
    told = [line for line in console.splitlines() if function and function in line]
    missing = [text for text in QUEUES.values() if not any(text in line for line in told)]
    trouble = [line for line in told if TROUBLE.search(line)]
    yield Check(boot.name, "log", not missing and not trouble, (trouble or [f"no '{text}'" for text in missing] or
                                                                [f"{len(told)} lines of the driver, no complaint"])[0])
    fault = f"Fault {NOT_VALID} devid: {NOBODY:#x}"
    heard = [line for line in told if fault in line]
    yield Check(boot.name, "fault", len(heard) == 1 and report.step("fault").get("exit") == 0,
                f"the kernel says '{fault}' {len(heard)} times, exit code {report.step('fault').get('exit', '?')}")


def register_checks(boot, counts):
    """What the served IOMMU itself says of how the driver has left it."""
    registers = counts.get("registers", {})

    def field(register, name="index"):
        value = registers.get(register, {}).get(name, -1)
        return int(value, 16) if isinstance(value, str) else value

    yield Check(boot.name, "directory", field("ddtp", "iommu_mode") == MODE_3LVL and field("ddtp", "busy") == 0,
                f"ddtp.iommu_mode {field('ddtp', 'iommu_mode')}, busy {field('ddtp', 'busy')}")
    for csr, names, bad in (("cqcsr", ("cqen", "cie", "cqon"), ("cqmf", "cmd_to", "cmd_ill", "fence_w_ip", "busy")),
                            ("fqcsr", ("fqen", "fie", "fqon"), ("fqmf", "fqof", "busy"))):
        wrong = [f"{name} {field(csr, name)}" for name in names if field(csr, name) != 1]
        wrong += [f"{name} {field(csr, name)}" for name in bad if field(csr, name) != 0]
        yield Check(boot.name, csr, not wrong, ", ".join(wrong) or "on, interrupt enabled, no error")
    yield Check(boot.name, "commands", field("cqh") == field("cqt") > 0, f"cqh {field('cqh')}, cqt {field('cqt')}")
    yield Check(boot.name, "faults", field("fqh") == field("fqt") == 1, f"fqh {field('fqh')}, fqt {field('fqt')}")
    vectors = [field("icvec", name) for name in ("civ", "fiv", "pmiv", "piv")]
    pending = [name for name in ("cip", "fip", "pmip", "pip") if field("ipsr", name) != 0]
    yield Check(boot.name, "vectors", vectors == [0, 1, 3, 2] and not pending,
                f"civ, fiv, pmiv, piv {vectors}, pending {', '.join(pending) or 'none'}")


def judge(boot, report, wrong, counts, console):
    yield Check(boot.name, "machine", wrong is None, wrong or "ended")
    if wrong is None:
        yield Check(boot.name, "report", report.done(), "complete" if report.done() else "the guest did not reach its end")
    yield from driver_checks(boot, report, console)
    yield from register_checks(boot, counts)
    yield Check(boot.name, "interrupts", counts.get("interrupts", 0) > 0, f"{counts.get('interrupts', 0)}")
    yield Check(boot.name, "protocol", counts.get("error_replies", 1) == 0, f"{counts.get('error_replies', '?')} error replies")
