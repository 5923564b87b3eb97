#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Serves a card, runs a test program on it through the socket, ends the server: served.py APERTURE CARD DMA PROGRAM...

Fails if the program does, if the server does not end well, or if it had to complain: a client that is the driver itself
gives it no reason to."""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

READY_LIMIT = 60
END_LIMIT = 30


def wait_until_ready(server, socket):
    ready, _, _ = select.select([server.stderr], [], [], READY_LIMIT)
    line = server.stderr.readline() if ready else ""
    if line != f"listening on {socket}\n":
        sys.exit(f"the server was not ready within {READY_LIMIT} s: {line!r}")


def end(server):
    """What is wrong with how it ended; empty: nothing."""
    server.send_signal(signal.SIGTERM)
    try:
        output, complaints = server.communicate(timeout=END_LIMIT)
    except subprocess.TimeoutExpired:
        return f"the server did not end within {END_LIMIT} s"
    print(complaints, end="")
    if server.returncode != 0:
        return f"the server ended with {server.returncode}"
    clients = sum(name.startswith("client") for name in json.loads(output))
    print(f"{clients} clients were served")
    return "the server complained" if complaints else ""


def main(aperture, card, dma, *program):
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "card.sock"
        seed = os.environ.get("APERTURE_SEED", "1")
        server = subprocess.Popen([aperture, "serve", "--socket", socket, "--card", card, "--seed", seed, "--json"],
                                  text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait_until_ready(server, socket)
            tested = subprocess.run(program, env={**os.environ, "APERTURE_CARD": f"vfio-user:{socket},dma={dma}"})
            problem = end(server)
            if socket.exists():
                problem = problem or "the server left its socket behind"
        finally:
            server.kill()
        if problem:
            sys.exit(problem)
        return tested.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
