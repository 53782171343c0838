"""What a process may do, set by system calls that need no privilege. Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
from pathlib import Path

from llamaparse_worker.parsers.control import ChildLimits

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_OUT_OF_MEMORY_SCORE = 800
"""When the machine runs out of memory, the kernel ends a parser process, not the worker."""

_DESCRIPTORS = 256
"""The document, its result files and temporary ones are a dozen."""

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, argument: int | bytes) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; ends now if that is past.

    Args:
        parent: the process id that the starter had.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)


def outlive_parent() -> None:
    """Undo ``die_with``: this process will see the end of its parent itself, and clean up."""
    _prctl(_PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """Name this process, up to 15 bytes, as ``ps`` and ``top`` show it."""
    _prctl(_PR_SET_NAME, name.encode("ascii"))


def limit(limits: ChildLimits) -> None:
    """Put this process under its limits, for good.

    The number of processes is not among them: the kernel counts it for all of a user's together. The seccomp filter
    refuses new ones, and the address space bounds threads.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with contextlib.suppress(OSError):  # best effort: some containers mount /proc read-only
        Path("/proc/self/oom_score_adj").write_text(f"{_OUT_OF_MEMORY_SCORE}", encoding="ascii")
    _limit(resource.RLIMIT_CORE, 0)  # a core dump would hold the document
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    if limits.memory_bytes is not None:
        _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)


def allow_cpu(seconds: int) -> None:
    """Have the kernel end this process when it has used so much more CPU time, also while its worker is stopped."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    end = math.ceil(usage.ru_utime + usage.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (end if hard == resource.RLIM_INFINITY else min(end, hard), hard))


def _limit(kind: int, size: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(kind, (allowed, allowed))


def reset_signals() -> None:
    """Undo the handlers of the fork server; SIGPIPE and SIGXFSZ stay errors of the call, as Python has them."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def silence_standard_streams() -> None:
    """Point the standard streams nowhere: native libraries print what they like."""
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def memory_of_self() -> tuple[int, int]:
    """Give resident memory and address space of this process in bytes."""
    size, resident, *_ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    page = resource.getpagesize()
    return int(resident) * page, int(size) * page


def peak_resident_bytes(usage: resource.struct_rusage) -> int:
    """Give the peak of resident memory that ``getrusage`` or ``wait4`` counted, in bytes."""
    return int(usage.ru_maxrss) * 1024
