# SPDX-License-Identifier: Apache-2.0
"""The riscv64 guest's kernel, cross-built from Debian's source of Linux.

The driver of the IOMMU is in the kernel, as Linux has it: nothing of the source is changed."""
import os
import shutil
from pathlib import Path

import kernel
from process import run

CONFIG = Path(__file__).resolve().parent / "riscv.config"
BUILD_LIMIT = 14400  # seconds; some ten minutes of one processor
# Drivers, file systems and processors that the configuration leaves out, apart from their Kconfig: half of the source.
LEFT_OUT = ("arch/[!r]*/*.[chS]", "arch/*.dts*", "Documentation/*/*", "drivers/gpu/*.[ch]", "drivers/media/*.[ch]",
            "drivers/net/*.[ch]", "sound/*.[ch]", "tools/testing/*")
# What is not needed any more to compile a module.
NOT_KEPT = ("block", "crypto", "drivers", "fs", "init", "io_uring", "ipc", "lib", "mm", "net", "rust", "samples", "security", "sound",
            "tools", "usr", "virt", "vmlinux", "vmlinux.o", "vmlinux.a")
MAKE = ("nice", "make", "-C", "/linux", "ARCH=riscv", "CROSS_COMPILE=riscv64-linux-gnu-")


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def run_all(inside, log, steps):
    for what, command in steps:
        if run([*inside, *command], log, BUILD_LIMIT) != 0:
            raise RuntimeError(f"the {what}, see {log}")


def unpack_source(root, folder, log):
    archive = next((root / "usr/src").glob("linux-source-*.tar.xz"))
    top = archive.name.removesuffix(".tar.xz")
    command = ["tar", "-C", str(folder), "--strip-components=1", "--wildcards", *(f"--exclude={top}/{name}" for name in LEFT_OUT)]
    if run([*command, "-xf", str(archive)], log, BUILD_LIMIT) != 0:
        raise RuntimeError(f"the kernel's source cannot be unpacked, see {log}")
    (folder / "Documentation").mkdir(exist_ok=True)


def build(guest, root):
    """Fills the folder with Image and linux, against which modules are compiled."""
    log = guest.with_suffix(".log")
    log.write_bytes(b"")
    source = root / "linux"
    empty(source)
    unpack_source(root, source, log)
    shutil.copy(CONFIG, source / "aperture.config")
    run_all(kernel.in_root(root, log), log, (
        ("kernel cannot be configured", (*MAKE, "KCONFIG_ALLCONFIG=aperture.config", "allnoconfig")),
        ("kernel does not compile", (*MAKE, f"-j{os.cpu_count()}", "Image", "modules"))))
    partial = guest.with_suffix(".partial")
    empty(partial)
    shutil.copy(source / "arch/riscv/boot/Image", partial)
    for name in NOT_KEPT:
        run(["rm", "-rf", str(source / name)], log, BUILD_LIMIT)
    source.rename(partial / "linux")
    partial.rename(guest)  # the stamp
