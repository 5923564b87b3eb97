# SPDX-License-Identifier: Apache-2.0
"""The guest, which is a QEMU process, and the server of the simulated card, which is another."""
import json
import secrets
import signal
import subprocess
import time

import kernel
from process import start, stop

INIT_LIMIT = 300  # seconds from power-on to the first line of the guest's own
GUEST_LIMIT = 1500  # seconds from power-on to power-off
SERVER_LIMIT = 60  # seconds until the server listens, and until it has ended
MESSAGE_LIMIT = 600_000  # milliseconds; QEMU gives a late message up for lost, and the connection with it
MEMORY = "768M"


def program(root, name):
    """A program with the libraries of its own distribution, wherever they are unpacked. No root needed."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return [str(word) for word in (root / "lib64/ld-linux-x86-64.so.2", "--library-path", libraries, root / "usr/bin" / name)]


def qemu(root, architecture="x86_64"):
    """QEMU with its own distribution's files as well."""
    command = program(root, f"qemu-system-{architecture}")
    for folder in ("usr/share/qemu", "usr/share/seabios"):
        command += ["-L", str(root / folder)]
    return command


def command_line(root, initrd, boot, folder, socket, token):
    card = {"driver": "vfio-user-pci", "bus": "slot1", "x-msg-timeout": MESSAGE_LIMIT,
            "socket": {"type": "unix", "path": str(socket)}}
    append = ["console=ttyS0", "panic=-1", "no_timer_check", "quiet", *boot.kernel_arguments, f"aperture.token={token}",
              f"aperture.modules={boot.modules}", f"aperture.bits={boot.bits}", "aperture.steps=" + ",".join(boot.steps)]
    command = qemu(root) + ["-accel", "tcg", "-M", "q35,kernel-irqchip=split", "-m", MEMORY, "-nodefaults",
                            "-no-user-config", "-no-reboot", "-display", "none",
                            "-serial", f"file:{folder}/console.log", "-serial", f"file:{folder}/report.log",
                            "-kernel", str(kernel.image(root)), "-initrd", str(initrd), "-append", " ".join(append)]
    if boot.shared_memory:
        command += ["-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-machine", "memory-backend=memory"]
    for device in (*boot.iommu, "pcie-root-port,id=slot1,slot=1", *boot.devices, json.dumps(card)):
        command += ["-device", device]
    return command


class Report:
    """What the guest has said: lines `aperture TOKEN WORD ...` with the token of this boot; nothing else counts."""

    def __init__(self, path, token):
        self.path = path
        self.token = token

    def lines(self):
        try:
            words = [line.split() for line in self.path.read_text(errors="replace").splitlines()]
        except FileNotFoundError:
            return []
        return [line[2:] for line in words if line[:2] == ["aperture", self.token] and len(line) > 2]

    def started(self):
        return ["init"] in self.lines()

    def done(self):
        return ["done"] in self.lines()

    def card(self):
        """The card's PCI address in the guest; empty if it found none."""
        return self.word("card")

    def word(self, name):
        """What is reported of it in one word; empty: nothing."""
        return next((line[1] for line in self.lines() if line[0] == name and len(line) == 2), "")

    def step(self, name):
        """What is known about a step that has ended, by word: exit, seconds, and of a test program PASSED, SKIPPED, FAILED."""
        for line in self.lines():
            if line[:2] == ["end", name]:
                return dict(zip(line[2::2], (int(number) for number in line[3::2])))
        return {}


def dma_socket(socket):
    """Where the server offers the DMA function behind the IOMMU, if that is what it serves."""
    return socket.with_name("dma")


class Server:
    """`aperture serve`, in a context: it has ended when the context has."""

    def __init__(self, repository, boot, socket, folder):
        self.socket = socket
        self.log = folder / "server.log"
        self.counts = folder / "counts.json"
        self.command = [repository / "build/release/sw/aperture", "serve", "--socket", socket, "--json", "--card", boot.card,
                        "--function", boot.function]
        if boot.function == "iommu":
            self.command += ["--dma-socket", dma_socket(socket)]

    def __enter__(self):
        self.process = start(self.command, self.log, self.counts)
        deadline = time.monotonic() + SERVER_LIMIT
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                stop(self.process)
                raise RuntimeError(f"the server does not listen on its socket, see {self.log}")
            time.sleep(0.1)
        return self

    def finish(self):
        """Asks it to end and returns its exit code; None if it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=SERVER_LIMIT)
        except subprocess.TimeoutExpired:
            return None

    def __exit__(self, *exception):
        stop(self.process)


def power_on(command, folder, report, server):
    """Runs the guest to its end. None, or what went wrong with the machine itself; the steps are another matter."""
    start_time = time.monotonic()
    guest = start(command, folder / "qemu.log")
    try:
        while guest.poll() is None:
            passed = time.monotonic() - start_time
            if passed > GUEST_LIMIT:
                return f"the guest did not power off within {GUEST_LIMIT} s"
            if passed > INIT_LIMIT and not report.started():
                return f"the guest's kernel did not start its first program within {INIT_LIMIT} s"
            if server.process.poll() is not None:
                return f"the server ended with exit code {server.process.returncode} while the guest ran"
            time.sleep(0.2)
    finally:
        stop(guest)
    if guest.returncode != 0:
        return f"QEMU ended with exit code {guest.returncode}"
    return None


def new_token():
    return secrets.token_hex(8)
