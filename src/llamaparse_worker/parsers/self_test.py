"""The self-test of the fork server: a process of its own is confined, and tries what shall be refused.

Each mechanism is tried right after it is entered, so that the refusals are its own. What works is a must for every
parser process from then on: one that cannot be confined does not run.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from llamaparse_worker.parsers import landlock, sandbox, seccomp
from llamaparse_worker.parsers.confinement import Confinement, enter_landlock
from llamaparse_worker.parsers.control import ChildLimits, Mechanism, Safeguard, SandboxPolicy

_LIMIT_S = 10
_PTRACE_ATTACH = 16

_libc = ctypes.CDLL(None, use_errno=True)


def achieved(limits: ChildLimits) -> tuple[Confinement, tuple[Safeguard, ...]]:
    """Have a process of its own try what is forbidden; gives what shall confine the children, and what to tell.

    The caller has one thread, and no child of which it could hear here.
    """
    said = _said_by_probe(limits)
    found = tuple(
        said.get(mechanism, Safeguard(mechanism, enforced=False, detail="the self-test ended early"))
        for mechanism in Mechanism
    )
    works = {one.mechanism for one in found if one.enforced}
    return (
        Confinement(
            landlock.abi() if Mechanism.LANDLOCK in works else 0,
            seccomp.own_architecture() if Mechanism.SECCOMP in works else None,
        ),
        found,
    )


def _said_by_probe(limits: ChildLimits) -> dict[Mechanism, Safeguard]:
    form = TypeAdapter(Safeguard)  # made here: the probe can load no module that lies outside
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(_LIMIT_S)
            for one in _probe(limits):
                os.write(writing, form.dump_json(one) + b"\n")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        said = [form.validate_json(line) for line in lines]
    os.waitpid(pid, 0)
    return {one.mechanism: one for one in said}


def _probe(limits: ChildLimits) -> Iterator[Safeguard]:
    """Enter one mechanism after the other, and try right after each what it alone refuses."""
    parent = os.getppid()
    sandbox.reset_signals()
    sandbox.limit(limits)
    yield _tried(Mechanism.LIMITS, "memory, file size, descriptors, no core dump", _beyond_limits(limits))
    yield _under_landlock(limits, parent)
    yield _under_seccomp(limits, parent)


def _under_landlock(limits: ChildLimits, parent: int) -> Safeguard:
    if limits.sandbox is SandboxPolicy.OFF:
        return Safeguard(Mechanism.LANDLOCK, enforced=False, detail="off by PARSER_SANDBOX")
    abi = landlock.abi()
    if not abi:
        return Safeguard(Mechanism.LANDLOCK, enforced=False, detail="the kernel has none, or a container hides it")
    try:
        enter_landlock(abi, limits)
    except OSError as error:
        return Safeguard(Mechanism.LANDLOCK, enforced=False, detail=str(error))
    return _tried(Mechanism.LANDLOCK, f"version {abi}", _outside(abi, parent))


def _under_seccomp(limits: ChildLimits, parent: int) -> Safeguard:
    if limits.sandbox is SandboxPolicy.OFF:
        return Safeguard(Mechanism.SECCOMP, enforced=False, detail="off by PARSER_SANDBOX")
    architecture = seccomp.own_architecture()
    if architecture is None:
        return Safeguard(Mechanism.SECCOMP, enforced=False, detail="no filter for this architecture")
    try:
        seccomp.install(architecture)
    except OSError as error:
        return Safeguard(Mechanism.SECCOMP, enforced=False, detail=str(error))
    return _tried(Mechanism.SECCOMP, f"filter for {architecture.name}", _forbidden_calls(parent))


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Something that must be refused, with one of these errors."""

    what: str
    act: Callable[[], object]
    errors: frozenset[int]


def _tried(mechanism: Mechanism, detail: str, attempts: Iterator[_Attempt]) -> Safeguard:
    allowed = [attempt.what for attempt in attempts if not _refused(attempt)]
    if allowed:
        return Safeguard(mechanism, enforced=False, detail=f"not refused: {', '.join(allowed)}")
    return Safeguard(mechanism, enforced=True, detail=detail)


def _refused(attempt: _Attempt) -> bool:
    try:
        attempt.act()
    except OSError as error:
        return error.errno in attempt.errors
    return False


def _beyond_limits(limits: ChildLimits) -> Iterator[_Attempt]:
    file = os.memfd_create("probe", os.MFD_CLOEXEC)
    yield _Attempt("a large file", partial(os.ftruncate, file, limits.file_bytes + 1), frozenset({errno.EFBIG}))
    os.close(file)
    if limits.memory_bytes is not None:
        yield _Attempt("much memory", partial(mmap.mmap, -1, limits.memory_bytes + 1), frozenset({errno.ENOMEM}))
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield _Attempt("many descriptors", partial(os.dup2, 0, descriptors), frozenset({errno.EBADF}))
    yield _Attempt("a core dump", _unless_no_core, frozenset({errno.EPERM}))


def _unless_no_core() -> None:
    if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0):
        raise PermissionError(errno.EPERM, "no core dump")


def _outside(abi: int, parent: int) -> Iterator[_Attempt]:
    denied = frozenset({errno.EACCES})
    yield _Attempt("listing /", partial(os.open, "/", os.O_RDONLY | os.O_CLOEXEC), denied)
    if Path("/proc/self").exists():
        yield _Attempt("reading /proc", partial(os.open, "/proc/self/environ", os.O_RDONLY | os.O_CLOEXEC), denied)
        yield _Attempt("writing /proc", partial(os.open, "/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC), denied)
    if abi >= landlock.NETWORK_ABI:
        yield _Attempt("TCP", _connect, denied | {errno.EAFNOSUPPORT, errno.EPERM})
    if abi >= landlock.SCOPE_ABI:
        yield _Attempt("signals", partial(os.kill, parent, 0), frozenset({errno.EPERM}))


def _connect() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect(("127.0.0.1", 9))


def _forbidden_calls(parent: int) -> Iterator[_Attempt]:
    denied = frozenset({errno.EPERM})
    yield _Attempt("sockets", partial(socket.socket, socket.AF_INET), denied)
    yield _Attempt("exec", partial(os.execv, "", ["nothing"]), denied)
    yield _Attempt("processes", _fork, denied)
    yield _Attempt("ptrace", partial(_native, "ptrace", _PTRACE_ATTACH, 0, 0, 0), denied)
    yield _Attempt("namespaces", partial(_native, "unshare", 0), denied)
    yield _Attempt("watching folders", partial(_native, "inotify_init1", 0), denied)
    yield _Attempt("signals", partial(os.kill, parent, 0), denied)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _native(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
