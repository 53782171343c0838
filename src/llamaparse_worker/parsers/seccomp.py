"""A seccomp filter: the kernel refuses this process every system call that reading a document does not need.

The filter is a list of what is allowed, so that a call of a later kernel is refused until somebody has looked at it.
Calls are judged by number and by arguments that are numbers; what a pointer leads to, such as a path, is the business
of Landlock. A program of classic BPF over ``struct seccomp_data``, as seccomp(2) has it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from llamaparse_worker.parsers import system_calls as calls

_LOAD_WORD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000
"""Calls of the x32 interface have this bit and the architecture of x86_64."""

_SET_MODE_FILTER = 1
_FLAG_SPEC_ALLOW = 4
"""Kernels before 5.16 would slow a filtered process down against Spectre, which is the business of the host."""

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1033, 1034)
"""Duplicates, flags, locks, the size of pipes, seals; not ``F_SETOWN``, ``F_SETSIG``, ``F_NOTIFY``: they signal."""
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Is it a terminal and how large, how much can be read, blocking, close on exec."""
_POINTER_BYTES = 8
_PRCTL = (15, 16, 0x53564D41)
"""Names of threads and of memory."""


class Instruction(NamedTuple):
    """One instruction: the next one is that after ``if_true`` or ``if_false`` others."""

    code: int
    if_true: int
    if_false: int
    value: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """Where the kernel names an architecture, and where the seccomp call is."""

    name: str
    audit: int
    seccomp: int
    """The number of seccomp(2)."""
    numbers_end: int | None = None
    """From this number on calls belong to another interface."""


ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture("x86_64", 0xC000003E, 317, _X32_BIT),
    "aarch64": Architecture("aarch64", 0xC00000B7, 277),
}
"""Those that the filter knows. Both are little-endian: the low word of an argument comes first."""


def program(architecture: Architecture, pid: int) -> tuple[Instruction, ...]:
    """Give the filter of the process with this id. A foreign architecture is killed, a refused call gives EPERM."""
    steps = [_load(_ARCHITECTURE_AT), Instruction(_EQUAL, 1, 0, architecture.audit), _give(_KILL), _load(_NUMBER_AT)]
    if architecture.numbers_end is not None:
        steps += [Instruction(_AT_LEAST, 0, 1, architecture.numbers_end), _give(_KILL)]
    for number in calls.PLAIN.values():
        steps += _when(architecture, number, [_give(_ALLOW)])
    for number, judged in _judged(pid):
        steps += _when(architecture, number, judged)
    return (*steps, _give(_REFUSE | errno.EPERM))


def install(architecture: Architecture) -> None:
    """Put this thread under the filter, for good. ``PR_SET_NO_NEW_PRIVS`` must be set.

    Raises:
        OSError: the kernel has no filters, or refuses this one.
    """
    steps = program(architecture, os.getpid())
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    described = _Program(len(steps), ctypes.cast(ctypes.create_string_buffer(code, len(code)), ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(architecture.seccomp, _SET_MODE_FILTER, _FLAG_SPEC_ALLOW, ctypes.byref(described)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


def own_architecture() -> Architecture | None:
    """Give the architecture of this process, if the filter knows it."""
    return ARCHITECTURES.get(platform.machine()) if ctypes.sizeof(ctypes.c_void_p) == _POINTER_BYTES else None


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def _judged(pid: int) -> Iterable[tuple[calls.Number, list[Instruction]]]:
    """Give the calls whose arguments matter."""
    # Its arguments are behind a pointer; the C library goes on with clone.
    yield calls.CLONE3, [_give(_REFUSE | errno.ENOSYS)]
    yield (
        calls.CLONE,
        [
            _load(_ARGUMENTS_AT),
            Instruction(_ANY_BIT, 1, 0, _CLONE_NAMESPACES),
            Instruction(_ANY_BIT, 1, 0, _CLONE_THREAD),
            _give(_REFUSE | errno.EPERM),
            _give(_ALLOW),
        ],
    )
    yield calls.KILL, _one_of(0, (pid,))
    yield calls.TGKILL, _one_of(0, (pid,))
    yield calls.PRLIMIT64, _one_of(0, (0, pid))
    yield calls.PRCTL, _one_of(0, _PRCTL)
    yield calls.IOCTL, _one_of(1, _IOCTL)
    yield calls.FCNTL, _one_of(1, _FCNTL)


def _one_of(argument: int, values: Iterable[int]) -> list[Instruction]:
    """Allow these values of an argument of 32 bits: the kernel does not look at its high word either."""
    steps = [_load(_ARGUMENTS_AT + 8 * argument)]
    for value in values:
        steps += [Instruction(_EQUAL, 0, 1, value), _give(_ALLOW)]
    return [*steps, _give(_REFUSE | errno.EPERM)]


def _when(architecture: Architecture, number: calls.Number, judged: list[Instruction]) -> list[Instruction]:
    own = number.x86_64 if architecture.name == "x86_64" else number.aarch64
    return [] if own is None else [Instruction(_EQUAL, 0, len(judged), own), *judged]


def _load(offset: int) -> Instruction:
    return Instruction(_LOAD_WORD, 0, 0, offset)


def _give(action: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, action)
