"""Landlock: the kernel refuses this process every file, address and peer that was not granted to it.

The layout of the structures is that of ``linux/landlock.h``; system calls and bits are the same on every architecture.
A domain can be narrowed and never widened, and children inherit it.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1


class Access(IntFlag):
    """What may be done with a file or below a folder."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    """Link or rename from one folder to another."""
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_OF_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
_FIRST_ABI = Access(Access.REFER - 1)
_SINCE = ((2, Access.REFER), (3, Access.TRUNCATE), (5, Access.IOCTL_DEV))

NETWORK_ABI = 4
"""From this version on TCP is governed: bind and connect."""
SCOPE_ABI = 6
"""From this version on signals and abstract UNIX sockets of others are out of reach."""
_ALL_TCP = 0b11
_ALL_SCOPES = 0b11


@dataclass(frozen=True, slots=True)
class Grant:
    """An exception: what may be done with the file at ``path``, or with everything below the folder."""

    path: str
    access: Access


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def abi() -> int:
    """Ask the kernel for its version of the interface; 0 where it has none, or was started without it."""
    version = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_CREATE_RULESET_VERSION))
    return max(0, int(version))


def handled(version: int) -> Access:
    """Give all access to files that this version of the interface governs."""
    access = _FIRST_ABI
    for since, added in _SINCE:
        if version >= since:
            access |= added
    return access


def restrict(grants: Iterable[Grant], version: int) -> None:
    """Refuse this thread, and all that it starts, everything but the grants; a path that is not there is left out.

    ``PR_SET_NO_NEW_PRIVS`` must be set.

    Raises:
        OSError: the kernel refused.
    """
    files = handled(version)
    attributes = _RulesetAttributes(
        files, _ALL_TCP if version >= NETWORK_ABI else 0, _ALL_SCOPES if version >= SCOPE_ABI else 0
    )
    ruleset = _call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(_size_known_to(version)), 0)
    try:
        for grant in grants:
            _add(ruleset, grant, files)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _size_known_to(version: int) -> int:
    """Give the bytes of the attributes that exist in this version: an older kernel refuses more."""
    fields = 1 + (version >= NETWORK_ABI) + (version >= SCOPE_ABI)
    return fields * ctypes.sizeof(ctypes.c_uint64)


def _add(ruleset: int, grant: Grant, files: Access) -> None:
    try:
        path = os.open(grant.path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # what cannot be reached needs no exception
    try:
        access = grant.access & files
        if not stat.S_ISDIR(os.fstat(path).st_mode):
            access &= _OF_FILES
        rule = _PathBeneath(access, path)
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(path)


def _call(*arguments: object) -> int:
    result = int(_libc.syscall(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
