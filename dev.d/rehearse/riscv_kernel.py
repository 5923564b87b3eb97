# SPDX-License-Identifier: Apache-2.0
"""The riscv64 guest's kernel, cross-built from Debian's source of Linux, and its initial RAM disk.

The driver of the IOMMU is in the kernel, as Linux has it: nothing of the source is changed."""
import os
import shutil
from pathlib import Path

import kernel
from process import run

CONFIG = Path(__file__).resolve().parent / "riscv.config"
INIT = Path(__file__).resolve().parents[2] / "tests/vm/riscv_init.c"
BUILD_LIMIT = 14400  # seconds; some ten minutes of one processor
# Drivers, file systems and processors that the configuration leaves out, apart from their Kconfig: half of the source.
LEFT_OUT = ("arch/[!r]*/*.[chS]", "arch/*.dts*", "Documentation/*/*", "drivers/gpu/*.[ch]", "drivers/media/*.[ch]",
            "drivers/net/*.[ch]", "sound/*.[ch]", "tools/testing/*")
MAKE = ("nice", "make", "-C", "/linux", "ARCH=riscv", "CROSS_COMPILE=riscv64-linux-gnu-")
COMPILE = ("riscv64-linux-gnu-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", "/image/init", "/image/init.c")
# Without a device file the kernel has no console for its first program, which makes one itself.
PACK = ("sh", "-c", "cd /image && echo init | cpio --quiet -o -H newc | gzip -1 > /image/initrd.gz")


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
    """Fills the folder with Image."""
    log = guest.with_suffix(".log")
    log.write_bytes(b"")
    source = root / "linux"
    empty(source)
    unpack_source(root, source, log)
    shutil.copy(CONFIG, source / "aperture.config")
    run_all(kernel.in_root(root, log), log, (
        ("kernel cannot be configured", (*MAKE, "KCONFIG_ALLCONFIG=aperture.config", "allnoconfig")),
        ("kernel does not compile", (*MAKE, f"-j{os.cpu_count()}", "Image"))))
    partial = guest.with_suffix(".partial")
    empty(partial)
    shutil.copy(source / "arch/riscv/boot/Image", partial)
    shutil.rmtree(source)
    partial.rename(guest)  # the stamp


def make_ram_disk(root, folder):
    """The file, new in `folder`: the guest's first program alone."""
    log = folder / "initrd.log"
    log.write_bytes(b"")
    image = root / "image"
    empty(image)
    shutil.copy(INIT, image / "init.c")
    run_all(kernel.in_root(root, log), log, (("guest's first program does not compile", COMPILE),
                                             ("initial RAM disk cannot be packed", PACK)))
    shutil.copy(image / "initrd.gz", folder)
    shutil.rmtree(image)
    return folder / "initrd.gz"
