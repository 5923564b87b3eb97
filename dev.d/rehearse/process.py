# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive this program and never run without a time limit."""
import contextlib
import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1  # prctl(2)
LIBC = ctypes.CDLL(None)


class NotRun(Exception):
    """This machine lacks what the rehearsal needs: nothing is said about the project."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, log, output=None, **options):
    """Standard error is appended to the file `log`, and so is standard output without a file of its own. Without `log` both
    are ours."""
    with contextlib.ExitStack() as files:
        errors = files.enter_context(open(log, "ab")) if log else None
        out = files.enter_context(open(output, "ab")) if output else errors
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, start_new_session=True,
                                preexec_fn=die_with_parent, **options)


def stop(process):
    """Ends the process and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # the group has its number, since it has a session of its own
    process.wait()


def run(command, log, limit, **options):
    """The exit code; a command that takes longer than `limit` seconds is ended: TimeoutExpired."""
    process = start(command, log, **options)
    try:
        return process.wait(timeout=limit)
    finally:
        stop(process)


def tail(path, lines=40):
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return f"({path} does not exist)"
    return "\n".join("    " + line for line in text.splitlines()[-lines:]) or "    (empty)"
