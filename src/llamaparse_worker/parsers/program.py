"""The fork server as a program that runs: imports little, so that a command can start it before all else.

What it imports takes as long as all that the command itself has to import and to read before it knows what the
processes shall do; so both are done at once.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_MODULE = "llamaparse_worker.parsers.forkserver"

ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # One document a process: more threads would only wait for each other, and a fork keeps their stacks for nothing.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
"""All that the fork server and its children see: no secret of the worker is in it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A fork server, and the socket that it is commanded by; the first command says what it shall serve."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    def end(self) -> None:
        """Kill it, unless it has ended, and close the socket. Safe to repeat."""
        self.control.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start(modules: Sequence[str] = ()) -> Program:
    """Start the program; it imports the modules while it waits for its first command."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    with theirs:
        process = subprocess.Popen(
            _command_line(theirs.fileno(), modules),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=ENVIRONMENT,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # Ctrl-C at the terminal is for the worker
        )
    return Program(process, ours)


@contextmanager
def started_ahead(modules: Sequence[str]) -> Iterator[Program]:
    """Start the program for whoever will command it; it ends here if nobody did."""
    program = start(modules)
    try:
        yield program
    finally:
        program.end()


def _command_line(control_fd: int, modules: Sequence[str]) -> list[str]:
    """Give the command that serves with this process's import path and nothing else of its environment.

    What is imported stays: until it is all there, garbage is not looked for.
    """
    path = [entry for entry in sys.path if entry]
    code = (
        f"import gc, sys; gc.disable(); sys.path[:] = {path!r}; "
        f"from {_MODULE} import main; main({control_fd}, {os.getpid()}, {tuple(modules)!r})"
    )
    return [sys.executable, "-I", "-c", code]
