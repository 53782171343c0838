"""The worker's side of the fork server: starts it in the background, has processes forked and killed, hears of ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
import structlog

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.parsers.control import (
    MAX_PACKET_BYTES,
    Exited,
    Failed,
    Fork,
    Kill,
    Prepare,
    Ready,
    Safeguard,
    SandboxPolicy,
    Started,
    pack,
    unpack,
)
from llamaparse_worker.parsers.mark import PageMark, create_mark
from llamaparse_worker.parsers.program import Program, start

log = structlog.get_logger()

_STOP_S = 5.0


@dataclass(slots=True, eq=False)
class Child:
    """A process as the worker sees it: a socket, and reports of its start and end."""

    number: int
    socket: socket.socket
    mark: PageMark
    started: Started | None = None
    exited: Exited | None = None
    """None while it runs, and for ever if the fork server was lost."""
    ended: anyio.Event = field(default_factory=anyio.Event)

    def end(self, exited: Exited | None) -> None:
        """Note the end and wake up whoever reads: what was sent before can still be read."""
        self.exited = exited
        self.ended.set()
        with contextlib.suppress(OSError):  # closed already
            self.socket.shutdown(socket.SHUT_RDWR)


class Launcher:
    """Keeps a fork server; a lost one is started again with the next fork. For one event loop."""

    def __init__(self, first: Prepare, ahead: Program | None = None) -> None:
        self._first = first
        self._ahead = ahead
        """A fork server that runs already and was told nothing yet."""
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._children: dict[int, Child] = {}
        self._forked = 0
        self._settled = anyio.Event()
        self._failure: str | None = None
        self.safeguards: tuple[Safeguard, ...] = ()
        """What confines parser processes, once the fork server has found out."""

    @property
    def server_pid(self) -> int | None:
        """Process id of the fork server."""
        return None if self._server is None else self._server.pid

    def start(self) -> None:
        """Start the fork server; it imports in the background while this process goes on."""
        program, self._ahead = self._ahead or start(), None
        self._server, self._control = program.process, program.control
        asyncio.get_running_loop().add_reader(self._control, self._read_reports, self._control)
        # One that has ended already is heard of by the reader.
        with contextlib.suppress(ConnectionError):
            self._control.send(pack(self._first))

    async def ready(self) -> None:
        """Wait until the fork server has made the tasks.

        Raises:
            ConfigurationError: it could not.
        """
        await self._settled.wait()
        self._refuse_failure()

    def fork(self) -> Child:
        """Have a process forked. It may be talked to at once: what is sent waits for it.

        Raises:
            ConfigurationError: the tasks could not be made.
        """
        self._refuse_failure()
        if self._control is None:
            self.start()
        self._forked += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.settimeout(0)
        with theirs, _descriptor(create_mark()) as mark:
            child = Child(self._forked, ours, PageMark(mark))
            self._children[child.number] = child
            self._command(pack(Fork(child.number)), theirs.fileno(), mark)
        return child

    def kill(self, child: Child) -> None:
        """Kill the process with its group, and close its socket. Safe to repeat."""
        if child.number in self._children:
            self._command(pack(Kill(child.number)))
        child.socket.close()

    async def stop(self) -> None:
        """End the fork server, which kills all that is left, and wait for it."""
        self._disconnect()
        for child in list(self._children.values()):
            child.socket.close()
        if self._server is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_wait_for, self._server)

    def _command(self, packet: bytes, *descriptors: int) -> None:
        # A server that is gone takes its children along, and the reader of its reports hears of it.
        with contextlib.suppress(ConnectionError):
            if self._control is not None:
                socket.send_fds(self._control, [packet], descriptors)

    def _refuse_failure(self) -> None:
        if self._failure is not None:
            raise ConfigurationError(f"The {self._first.name} processes cannot start: {self._failure}")

    def _read_reports(self, control: socket.socket) -> None:
        while True:
            try:
                packet = control.recv(MAX_PACKET_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                packet = b""
            if not packet:
                self._lose_server()
                return
            self._note(packet)

    def _note(self, packet: bytes) -> None:
        match unpack(packet):
            case Ready(safeguards=safeguards):
                self.safeguards = safeguards
                if self._first.limits.sandbox is not SandboxPolicy.OFF:
                    _tell(safeguards)
                self._settled.set()
            case Failed(reason=reason):
                self._failure = reason
                self._settled.set()
            case Started(number=number) as started if number in self._children:
                self._children[number].started = started
            case Exited(number=number) as exited if number in self._children:
                self._children.pop(number).end(exited)
            case _:
                pass

    def _lose_server(self) -> None:
        if not self._settled.is_set():
            self._failure = "the fork server ended while it was starting; its standard error says why."
            self._settled.set()
        log.error("parser.server_lost", processes=self._first.name, reason=self._failure or "killed")
        self._disconnect()
        lost, self._children = self._children, {}
        for child in lost.values():
            child.end(None)
        if self._server is not None:
            self._server.kill()  # it closed its socket: it is all but gone, and the loop shall not wait for the rest
            self._server.wait()

    def _disconnect(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None


def _tell(safeguards: tuple[Safeguard, ...]) -> None:
    found = {str(one.mechanism): f"{'enforced' if one.enforced else 'degraded'}: {one.detail}" for one in safeguards}
    tell = log.info if all(one.enforced for one in safeguards) else log.warning
    tell("parser.sandbox", **found)


@contextlib.contextmanager
def _descriptor(number: int) -> Iterator[int]:
    try:
        yield number
    finally:
        os.close(number)


def _wait_for(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
