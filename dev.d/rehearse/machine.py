# SPDX-License-Identifier: Apache-2.0
"""The guest, which is a QEMU process, and the server of the simulated card, which is another."""
import json
import secrets
import signal
import socket
import subprocess
import time

import kernel
from process import start, stop

INIT_LIMIT = 300  # seconds from power-on to the first line of the guest's own
GUEST_LIMIT = 1500  # seconds from power-on to power-off
MONITOR_LIMIT = 60  # seconds for an answer of QEMU's monitor
SERVER_LIMIT = 60  # seconds until the server listens, and until it has ended
MESSAGE_LIMIT = 600_000  # milliseconds; QEMU gives a late message up for lost, and the connection with it
MEMORY = "768M"
# With room for a second processor QEMU makes atomic instructions of the guest such of this machine, too: the server accesses
# the same memory at the same time.
CPUS = "1,maxcpus=2"


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


def served(path, **place):
    """A device of QEMU: the function that is served at this socket."""
    return {"driver": "vfio-user-pci", "x-msg-timeout": MESSAGE_LIMIT, "socket": {"type": "unix", "path": str(path)}, **place}


def card_devices(boot, sockets):
    """Of QEMU, by the slot that each is in."""
    for number, path in enumerate(sockets, 1):
        yield served(path, id=f"card{number}", bus=f"slot{number}")


def command_line(root, initrd, boot, folder, sockets, token):
    append = ["console=ttyS0", "panic=-1", "no_timer_check", "quiet", *boot.kernel_arguments, f"aperture.token={token}",
              f"aperture.modules={boot.modules}", f"aperture.bits={boot.bits}", "aperture.steps=" + ",".join(boot.steps),
              f"aperture.plugged={boot.cards if boot.plugged else 0}"]
    command = qemu(root) + ["-accel", "tcg", "-M", "q35,kernel-irqchip=split", "-m", MEMORY, "-smp", CPUS, "-nodefaults",
                            "-no-user-config", "-no-reboot", "-display", "none",
                            "-serial", f"file:{folder}/console.log", "-serial", f"file:{folder}/report.log",
                            "-kernel", str(kernel.image(root)), "-initrd", str(initrd), "-append", " ".join(append)]
    if boot.shared_memory:
        command += ["-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-machine", "memory-backend=memory"]
    cards = list(card_devices(boot, sockets))
    ports = [f"pcie-root-port,id=slot{number},chassis={number},slot={number}" for number in range(1, len(cards) + 1)]
    if boot.plugged:
        command += ["-qmp", f"unix:{monitor(sockets)},server=on,wait=off"]
    for device in (*boot.iommu, *ports, *boot.devices, *([] if boot.plugged else map(json.dumps, cards))):
        command += ["-device", device]
    return command


def monitor(sockets):
    """Where QEMU's monitor listens; beside the cards, since a socket's path must be short."""
    return sockets[0].parent / "monitor"


class Slots:
    """Plugs cards in when the guest asks for it, through QEMU's monitor (QMP). None is taken out: QEMU 11.1 ends itself by an
    assertion of its memory map when a vfio-user-pci goes."""

    def __init__(self, boot, sockets):
        self.waiting = list(card_devices(boot, sockets)) if boot.plugged else []
        self.path = monitor(sockets)

    def look(self, report):
        """None, or what QEMU refused."""
        if not self.waiting or ["plug"] not in report.lines():
            return None
        try:
            while self.waiting:
                self.execute("device_add", self.waiting.pop(0))
        except (OSError, ValueError) as error:
            return f"QEMU did not take a card: {error}"
        return None

    def execute(self, name, arguments):
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(MONITOR_LIMIT)
            channel.connect(str(self.path))
            with channel.makefile("rw", encoding="utf-8") as lines:
                json.loads(lines.readline())  # its greeting
                for command, data in (("qmp_capabilities", {}), (name, arguments)):
                    lines.write(json.dumps({"execute": command, "arguments": data}) + "\n")
                    lines.flush()
                    answer = {"event": ""}
                    while "event" in answer:
                        answer = json.loads(lines.readline())
                    if "error" in answer:
                        raise ValueError(answer["error"].get("desc", answer["error"]))


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

    def __init__(self, repository, boot, path, folder):
        self.path = path
        self.log = folder / f"server-{path.name}.log"
        self.counted = folder / f"counts-{path.name}.json"
        self.command = [repository / "build/release/sw/aperture", "serve", "--socket", path, "--json", "--card", boot.card,
                        "--function", boot.function]
        if boot.function == "iommu":
            self.command += ["--dma-socket", dma_socket(path)]

    def __enter__(self):
        self.process = start(self.command, self.log, self.counted)
        deadline = time.monotonic() + SERVER_LIMIT
        while not self.path.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                stop(self.process)
                raise RuntimeError(f"the server does not listen on its socket, see {self.log}")
            time.sleep(0.1)
        return self

    def finish(self):
        """Asks it to end. None, or what is wrong with how it did."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=SERVER_LIMIT)
        except subprocess.TimeoutExpired:
            return "the server did not end"
        return None if code == 0 else f"the server ended with exit code {code}"

    def counts(self):
        """What it has counted; empty where it gave nothing."""
        try:
            document = json.loads(self.counted.read_text())
            return document["client0"] | {"behind": document.get("dma_client0", {})}
        except (OSError, ValueError, KeyError):
            return {}

    def __exit__(self, *exception):
        stop(self.process)


def power_on(command, folder, report, servers, slots):
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
            for server in servers:
                if server.process.poll() is not None:
                    return f"the server ended with exit code {server.process.returncode} while the guest ran"
            if refusal := slots.look(report):
                return refusal
            time.sleep(0.2)
    finally:
        stop(guest)
    if guest.returncode != 0:
        return f"QEMU ended with exit code {guest.returncode}"
    return None


def new_token():
    return secrets.token_hex(8)
