# SPDX-License-Identifier: Apache-2.0
"""The guest's initial RAM disk: busybox, kernel modules, our program and tests with their libraries, the guest's scripts."""
import re
import shutil
import subprocess
from pathlib import Path

import kernel

PROGRAMS = ("sw/aperture", "tests/cosim/cosim_test", "tests/ioas/ioas_card_conformance", "tests/ioas/ioas_host_conformance",
            "tests/ioas/ioas_host_windows", "tests/vm/vfio_test")  # in build/guest
TOOLS = ("/usr/bin/lspci",)  # this machine's
LIMIT = 120  # seconds
PACK = 'cd "$1" && find . | sort | "$2" cpio -o -H newc | gzip -1 > "$3"'


def copy_programs(build, tree):
    """The programs, without debug information, and every library they are linked with. Not linked statically: they are then
    compiled like those that run here, so that ccache has most of them."""
    for program in (*(build / name for name in PROGRAMS), *map(Path, TOOLS)):
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, timeout=LIMIT).stdout
        for library in re.findall(r"(/\S+) \(0x", linked):
            # The loader is found at its full path, the others by the loader.
            to = tree / library.lstrip("/") if "ld-linux" in library else tree / "lib" / library.rsplit("/", 1)[1]
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, to)
        subprocess.run(["objcopy", "--strip-all", program, tree / "bin" / program.name], check=True, timeout=LIMIT)


def copy_modules(root, built, tree):
    folders = {name: tree / "modules" / name for name in ("stock", "iommufd", "orders")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    for name in kernel.STOCK:
        kernel.stock_module(root, name, folders["stock"] / f"{name}.ko")
    for name in kernel.BUILT:
        shutil.copy(built / f"{name}.ko", folders["iommufd"])
    for name, lines in kernel.ORDERS.items():
        (folders["orders"] / name).write_text("\n".join(lines) + "\n")


def make(root, modules, repository, folder):
    """The file, new in `folder`."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "bin").mkdir(parents=True)
    shutil.copy(root / "usr/bin/busybox", tree / "bin")
    copy_programs(repository / "build/guest", tree)
    copy_modules(root, modules, tree)
    shutil.copy(repository / "tests/vm/init.sh", tree / "init")
    shutil.copytree(repository / "tests/vm/steps", tree / "steps")
    shutil.copytree(repository / "sw/scenarios", tree / "scenarios")
    shutil.copytree(repository / "tests/vm/scenarios", tree / "scenarios-host")
    file = folder / "initrd.gz"
    pack = ["sh", "-ec", PACK, "sh", tree, root / "usr/bin/busybox", file]
    subprocess.run(pack, check=True, timeout=LIMIT, capture_output=True)
    shutil.rmtree(tree)
    return file
