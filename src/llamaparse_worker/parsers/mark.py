"""The page that a parser process works on, in memory that it shares with the worker.

Writing there costs no message, and what was written stays when the process dies or hangs: so pages need no event each,
and the one that did the harm is known all the same.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct

_NUMBER = struct.Struct("<Q")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
"""A process that cut the file off could kill the worker with a bus error."""


class PageMark:
    """One page number, 0 for none. Nothing that a parser process writes there is to be trusted."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, _NUMBER.size)

    @property
    def number(self) -> int:
        """The page as last written."""
        (number,) = _NUMBER.unpack_from(self._map)
        return int(number)

    @number.setter
    def number(self, number: int) -> None:
        _NUMBER.pack_into(self._map, 0, number)


def create_mark() -> int:
    """Make the memory file of a mark and give its descriptor, which the caller closes."""
    descriptor = os.memfd_create("mark", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, _NUMBER.size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
