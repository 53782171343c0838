"""The program from which parser and OCR processes are forked: imports are done once, and their memory is shared.

It has one thread, never opens a document and lives as long as its control socket. It alone knows process ids: a child
is killed by its number, and its group is killed again before it is reaped, so that no id is ever used twice.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from llamaparse_worker.parsers import confinement, sandbox, self_test
from llamaparse_worker.parsers.control import (
    ChildLimits,
    Exited,
    Failed,
    Fork,
    Kill,
    Prepare,
    Ready,
    Report,
    SandboxPolicy,
    Started,
    pack,
    receive_with_descriptors,
    unpack,
)
from llamaparse_worker.parsers.mark import PageMark
from llamaparse_worker.parsers.protocol import MAX_TRACE_BYTES, prepare

_FORK_DESCRIPTORS = 2
_OBJECTS = 10_000
"""So many more objects let the collector of garbage look for some: those of a few pages, which hold no cycles."""

Serve = Callable[[socket.socket, ChildLimits, PageMark], int]
"""Answers requests in a process until the worker closes its end; gives the exit status."""


@dataclass(frozen=True, slots=True)
class _Child:
    """A parser process that was forked and not yet reaped."""

    number: int
    pid: int
    trace: int
    """Memory file in which the interpreter notes where it was when a signal ended it."""


def main(control_fd: int, parent: int, modules: Sequence[str]) -> None:
    """Serve until the worker closes the control socket.

    Args:
        control_fd: descriptor of the control socket.
        parent: process id of the worker.
        modules: what is imported before the first command is read.
    """
    sandbox.die_with(parent)
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    for module in modules:
        with contextlib.suppress(Exception):  # it is told when the module is needed
            importlib.import_module(module)
    packet, _ = receive_with_descriptors(control)
    match unpack(packet) if packet else None:
        case Prepare() as first:
            sandbox.set_name(f"{first.name}-server")
            with _failure_reported(control):
                serve = _made(first)
            ForkServer(control, first, serve).serve()
        case _:
            pass  # the worker is gone already


@contextlib.contextmanager
def _failure_reported(control: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        control.send(pack(Failed(f"{type(error).__name__}: {error}"[:MAX_TRACE_BYTES])))
        raise


def _made(first: Prepare) -> Serve:
    """Make the tasks, and give what answers requests with them."""
    answer, tasks = _load(first.serve), _load(first.tasks)(first.config)

    def serve(sock: socket.socket, limits: ChildLimits, mark: PageMark) -> int:
        status: int = answer(sock, tasks, limits, mark)
        return status

    return serve


def _load(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


class ForkServer:
    """Forks, kills and reaps on request."""

    def __init__(self, control: socket.socket, first: Prepare, serve: Serve) -> None:
        self._control = control
        self._first = first
        self._answer_requests = serve
        self._confinement = confinement.Confinement()
        self._children: dict[int, _Child] = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def serve(self) -> None:
        """Serve until the control socket closes; no descendant is left then."""
        self._settle()
        if not self._confined():
            return
        try:
            while self._turn():
                pass
        finally:
            self._end_all()

    def _confined(self) -> bool:
        """Find out what confines the children, and tell; False: the policy asks for more."""
        self._confinement, safeguards = self_test.achieved(self._first.limits)
        missing = [f"{one.mechanism}: {one.detail}" for one in safeguards if not one.enforced]
        if missing and self._first.limits.sandbox is SandboxPolicy.REQUIRE:
            self._report(Failed(f"PARSER_SANDBOX=require is not met ({'; '.join(missing)})"))
            return False
        self._report(Ready(safeguards))
        return True

    def _end_all(self) -> None:
        """Kill and reap until nothing is left: what a process has started comes to this one when that ends."""
        for running in self._children.values():
            _kill_group(running.pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                self._sweep(spare=False)
                os.wait()

    def _settle(self) -> None:
        """Make the state that children share: everything imported, nothing for the garbage collector to touch."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the wake-up pipe needs a handler to be there
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        sandbox.adopt_orphans()
        prepare()
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS)
        gc.enable()
        # From here on the end of the worker is seen on the control socket, and cleaned up after.
        sandbox.outlive_parent()

    def _turn(self) -> bool:
        readable, _, _ = select.select([self._control.fileno(), self._wake_read], [], [])
        if self._wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 512)
            self._reap()
        return self._control.fileno() not in readable or self._command()

    def _command(self) -> bool:
        packet, descriptors = receive_with_descriptors(self._control)
        if not packet:
            return False
        match unpack(packet):
            case Fork(number=number) if len(descriptors) == _FORK_DESCRIPTORS:
                conversation, mark = descriptors
                self._fork(number, socket.socket(fileno=conversation), mark)
            case Kill(number=number) if number in self._children:
                _kill_group(self._children[number].pid)
            case _:
                pass  # the process ended while the command was on its way
        return True

    def _fork(self, number: int, sock: socket.socket, mark: int) -> None:
        trace = os.memfd_create("trace", os.MFD_CLOEXEC)
        resident, address_space = sandbox.memory_of_self()
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(sock, mark, trace, server)
        sock.close()
        os.close(mark)
        self._children[number] = _Child(number, pid, trace)
        self._report(Started(number, pid, resident, address_space))

    def _become_child(self, sock: socket.socket, mark: int, trace: int, server: int) -> NoReturn:
        status = 1
        try:
            os.setsid()
            sandbox.reset_signals()
            sandbox.die_with(server)
            self._close_inherited()
            sandbox.set_name(self._first.name)
            sandbox.silence_standard_streams()
            faulthandler.enable(trace, all_threads=False)
            page_mark = PageMark(mark)
            os.close(mark)
            confinement.confine(self._confinement, self._first.limits)
            status = self._answer_requests(sock, self._first.limits, page_mark)
        finally:
            os._exit(status)

    def _close_inherited(self) -> None:
        self._control.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        for sibling in self._children.values():
            os.close(sibling.trace)

    def _reap(self) -> None:
        """Reap everything that ended, ours or adopted; a group outlives its leader by no more than this call."""
        while (ended := _next_ended()) is not None:
            leader = next((known for known in self._children.values() if known.pid == ended), None)
            if leader is None:
                os.waitpid(ended, 0)
                continue
            _kill_group(ended)  # not reaped yet, so the number still means this group
            _, status, usage = os.wait4(ended, 0)
            del self._children[leader.number]
            self._sweep(spare=True)
            self._report(
                Exited(
                    number=leader.number,
                    status=os.waitstatus_to_exitcode(status),
                    peak_resident_bytes=sandbox.peak_resident_bytes(usage),
                    trace=_read_trace(leader.trace),
                )
            )

    def _sweep(self, *, spare: bool) -> None:
        """Kill adopted processes; ``spare`` parser processes and whatever is still in the group of one."""
        known = {child.pid for child in self._children.values()} if spare else set()
        for pid in _own_children():
            with contextlib.suppress(ProcessLookupError):
                # A process just forked is known before it leads its group.
                if pid not in known and os.getpgid(pid) not in known:
                    _kill_group(pid)

    def _report(self, message: Report) -> None:
        # The worker is gone: the control socket says so in the next turn.
        with contextlib.suppress(ConnectionError):
            self._control.send(pack(message))


def _kill_group(pid: int) -> None:
    """Kill a process and its group; it may be so young that it leads none yet."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _next_ended() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def _own_children() -> list[int]:
    # Missing where the kernel was built without it; then groups are all that is killed.
    try:
        listed = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(pid) for pid in listed.split()]


def _read_trace(descriptor: int) -> str:
    try:
        return os.pread(descriptor, MAX_TRACE_BYTES, 0).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
