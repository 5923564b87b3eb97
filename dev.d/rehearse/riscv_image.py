# SPDX-License-Identifier: Apache-2.0
"""The riscv64 guest's initial RAM disk: its first program and the driver of what is behind the IOMMU, cross-compiled."""
import os
import shutil
from pathlib import Path

import kernel
from riscv_kernel import MAKE, run_all

PROGRAM = Path(__file__).resolve().parents[2] / "tests/vm/riscv"
COMPILE = ("sh", "-c", "cd /image && riscv64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -static -o init init.c")
# Without a device file the kernel has no console for its first program, which makes one itself.
PACK = ("sh", "-c", "cd /image && mv driver/aperture_dma.ko . && printf '%s\\n' init aperture_dma.ko |"
                    " cpio --quiet -o -H newc | gzip -1 > initrd.gz")


def make(root, guest, folder):
    """The file, new in `folder`. `guest`: where the kernel is."""
    log = folder / "initrd.log"
    log.write_bytes(b"")
    image, source = root / "image", root / "linux"
    for place in (image, source):
        shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(PROGRAM, image)
    shutil.copytree(guest / "linux", source, symlinks=True, copy_function=os.link)  # where it was compiled
    run_all(kernel.in_root(root, log), log, (("guest's first program does not compile", COMPILE),
                                             ("guest's driver does not compile", (*MAKE, "M=/image/driver", "KCFLAGS=-Werror", "modules")),
                                             ("initial RAM disk cannot be packed", PACK)))
    shutil.copy(image / "initrd.gz", folder)
    for place in (image, source):
        shutil.rmtree(place)
    return folder / "initrd.gz"
