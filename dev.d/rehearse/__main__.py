# SPDX-License-Identifier: Apache-2.0
"""Boots guests with real kernels whose VFIO drives the simulated card, and judges each by its report and by the server's counts.

Exit code: 0 passed, 1 failed, 77 not run: this machine lacks what it needs, a download failed for example."""
import argparse
import fcntl
import hashlib
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import image
import kernel
import packages
import rehearsal
import riscv
import riscv_image
import riscv_kernel
from boots import BOOTS
from process import NotRun, run

NOT_RUN = 77
BUILD_LIMIT = 7200  # seconds
REPOSITORY = Path(__file__).resolve().parents[2]
DEV = REPOSITORY / "dev.d"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev rehearse", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only " + ", ".join(boot.name for boot in BOOTS if boot.quick))
    parser.add_argument("--riscv", action="store_true", help="only the guest in which Linux's RISC-V IOMMU driver has the card's IOMMU")
    parser.add_argument("--boot", action="append", choices=[boot.name for boot in BOOTS], help="only this one; may be repeated")
    parser.add_argument("--set-up", action="store_true", help="fill the cache folder, boot nothing")
    arguments = parser.parse_args()
    if arguments.riscv and (arguments.boot or arguments.quick):
        parser.error("--riscv is a boot of its own")
    return arguments


def version(*names):
    """Of what these files, named from dev.d on, make: with one of them changed it is made anew."""
    contents = b"".join((DEV / name).read_bytes() for name in names)
    return hashlib.sha256(contents).hexdigest()[:12]


def make_once(*steps):
    """Each step is (folder, what is in it, what fills it); a folder that is there already is not made again."""
    with open(steps[0][0].parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder, what, make in steps:
            if not folder.exists():
                print(f"rehearse: set-up: {what} ...", flush=True)
                began = time.monotonic()
                make()
                print(f"rehearse: set-up: {what} took {time.monotonic() - began:.0f} s, kept in {folder}", flush=True)


def cache_folder():
    if platform.machine() != "x86_64":
        raise NotRun(f"the guest is made from Debian's packages for amd64, which {platform.machine()} cannot run")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aperture/rehearse"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def set_up():
    """The packages' root and the folder of built modules."""
    cache = cache_folder()
    packed = version("packages-rehearse.txt", "rehearse/packages.py")
    root = cache / f"root-{packed}"
    modules = cache / f"modules-{packed}-{version('rehearse/kernel.py')}"
    make_once((root, "Debian packages", lambda: packages.install(root, DEV / "packages-rehearse.txt")),
              (modules, "kernel modules", lambda: kernel.build_modules(modules, root)))
    return root, modules


def set_up_riscv():
    """The packages' root and the folder of the riscv64 guest's kernel."""
    cache = cache_folder()
    packed = version("packages-rehearse-riscv.txt", "rehearse/packages.py")
    root = cache / f"root-riscv-{packed}"
    built = version("rehearse/riscv_kernel.py", "rehearse/riscv.config")
    guest = cache / f"guest-riscv-{packed}-{built}"
    make_once((root, "Debian packages for riscv64", lambda: packages.install(root, DEV / "packages-rehearse-riscv.txt")),
              (guest, "riscv64 kernel", lambda: riscv_kernel.build(guest, root)))
    return root, guest


def build(*presets):
    """What the server's side and, of some guests, the guest's side need."""
    for arguments in presets:
        if run([REPOSITORY / "dev", "build", *arguments], None, BUILD_LIMIT) != 0:
            raise RuntimeError("the build failed: " + " ".join(arguments))


def only_one(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RuntimeError("another rehearsal is running in this folder") from None


def selected(arguments):
    if arguments.boot:
        return [boot for boot in BOOTS if boot.name in arguments.boot]
    return [boot for boot in BOOTS if boot.quick or not arguments.quick]


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        root, contents = set_up_riscv() if arguments.riscv else set_up()
        if arguments.set_up:
            return 0
        build(("release", "aperture"), *([] if arguments.riscv else [("guest",)]))
        folder = REPOSITORY / "build/rehearse"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w") as lock:
            only_one(lock)
            if arguments.riscv:
                guest = riscv.Guest(contents / "Image", riscv_image.make(root, contents, folder))
                return rehearsal.run(root, guest, REPOSITORY, folder, [riscv.Boot()], riscv.command_line, riscv.judge)
            initrd = image.make(root, contents, REPOSITORY, folder)
            return rehearsal.run(root, initrd, REPOSITORY, folder, selected(arguments))
    except NotRun as reason:
        print(f"rehearse: not run: {reason}", flush=True)
        return NOT_RUN
    except KeyboardInterrupt:
        print("rehearse: interrupted", file=sys.stderr)
        return 130
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
