# SPDX-License-Identifier: Apache-2.0
"""The riscv64 guest's kernel and initial RAM disk, cross-built from Debian's source of Linux.

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
COMPILE = "riscv64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -static -o /image/init /image/init.c"
# Without a device file the kernel has no console for its first program, which makes one itself.
PACK = "cd /image && echo init | cpio --quiet -o -H newc | gzip -1 > /image/initrd.gz"


def unpack_source(root, folder, log):
    archive = next((root / "usr/src").glob("linux-source-*.tar.xz"))
    top = archive.name.removesuffix(".tar.xz")
    command = ["tar", "-C", str(folder), "--strip-components=1", "--wildcards", *(f"--exclude={top}/{name}" for name in LEFT_OUT)]
    if run([*command, "-xf", str(archive)], log, BUILD_LIMIT) != 0:
        raise RuntimeError(f"the kernel's source cannot be unpacked, see {log}")
    (folder / "Documentation").mkdir(exist_ok=True)


def build(guest, root):
    """Fills the folder with Image and initrd.gz."""
    log = guest.with_suffix(".log")
    log.write_bytes(b"")
    inside = kernel.in_root(root, log)
    source, image = root / "linux", root / "image"
    for folder in (source, image):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    unpack_source(root, source, log)
    shutil.copy(CONFIG, source / "aperture.config")
    shutil.copy(INIT, image / "init.c")
    for what, command in (("kernel cannot be configured", (*MAKE, "KCONFIG_ALLCONFIG=aperture.config", "allnoconfig")),
                          ("kernel does not compile", (*MAKE, f"-j{os.cpu_count()}", "Image")),
                          ("guest's first program does not compile", ("sh", "-c", COMPILE)),
                          ("initial RAM disk cannot be packed", ("sh", "-c", PACK))):
        if run([*inside, *command], log, BUILD_LIMIT) != 0:
            raise RuntimeError(f"the {what}, see {log}")
    partial = guest.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    shutil.copy(source / "arch/riscv/boot/Image", partial)
    shutil.copy(image / "initrd.gz", partial)
    shutil.rmtree(source)
    shutil.rmtree(image)
    partial.rename(guest)  # the stamp
