"""What a parser process is confined to: its own limits, the files that it needs, the system calls that it needs.

Landlock cannot be widened later, while a process reads one document after the other. So each may use the whole spool,
but not list it: a document is in a folder with a name of 128 random bits, which only those processes are told that read
it. Nothing else of the system that could tell the name is in reach: no ``/proc``, no watch on folders.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from llamaparse_worker.parsers import landlock, sandbox, seccomp
from llamaparse_worker.parsers.control import ChildLimits
from llamaparse_worker.parsers.landlock import Access, Grant

_READ = Access.READ_FILE | Access.READ_DIR
_SPOOL = Access.READ_FILE | Access.WRITE_FILE | Access.TRUNCATE | Access.MAKE_REG | Access.MAKE_DIR | Access.REMOVE_FILE
"""Not ``READ_DIR``: a folder of the spool is found by those who were told its name."""
_PROGRAM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_DATA = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts", "/usr/share/zoneinfo")
"""PDFium draws with the fonts of the system where a document brings none."""
_FACTS = ("/etc/ld.so.cache", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")
_MEMORY_OF_SELF = "/proc/self/statm"


@dataclass(frozen=True, slots=True)
class Confinement:
    """The mechanisms that work here."""

    landlock_abi: int = 0
    """Its version; 0: without."""
    architecture: seccomp.Architecture | None = None
    """Of the filter; None: without."""


def confine(chosen: Confinement, limits: ChildLimits) -> None:
    """Confine this process, for good: the filter last, under which nothing could be added.

    Raises:
        OSError: the kernel refused.
    """
    sandbox.limit(limits)
    if limits.folder is not None:
        tempfile.tempdir = os.environ["TMPDIR"] = limits.folder
    if chosen.landlock_abi:
        enter_landlock(chosen.landlock_abi, limits)
    if chosen.architecture is not None:
        seccomp.install(chosen.architecture)


def enter_landlock(abi: int, limits: ChildLimits) -> None:
    """Confine this process to its files, and to itself where the kernel knows how.

    Raises:
        OSError: the kernel refused.
    """
    # Kept open, so that the file stays the one that the rule is about.
    with contextlib.suppress(OSError):
        os.open(_MEMORY_OF_SELF, os.O_PATH | os.O_CLOEXEC)
    landlock.restrict(_grants(limits), abi)


def _grants(limits: ChildLimits) -> Iterator[Grant]:
    for path in {*_PROGRAM, *_DATA, *_FACTS, sys.base_prefix, sys.prefix, *sys.path}:
        yield Grant(path, _READ)
    for device in ("/dev/urandom", "/dev/random", "/dev/zero", _MEMORY_OF_SELF):
        yield Grant(device, Access.READ_FILE)
    yield Grant(os.devnull, Access.READ_FILE | Access.WRITE_FILE)
    if limits.folder is not None:
        yield Grant(limits.folder, _SPOOL)
