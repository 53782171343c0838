"""Notices that the queue file changed, without asking SQLite: at once for this process, by a look for others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import anyio

_LOOK_INTERVAL_S = 0.1
_LONGEST_WAIT_S = 1.0
"""The end of a lease writes nothing, so a wait ends after this time in any case."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of the queue as far as it can be told from outside; a different one means: look again."""

    announcements: int
    log_modified_ns: int
    log_size_bytes: int


class Changes:
    """Tells when the queue may hold something new. Every writer of the file changes its write-ahead log."""

    def __init__(self, database: Path) -> None:
        self._write_ahead_log = f"{database}-wal"
        self._announcements = 0
        self._announced = anyio.Event()

    def announce(self) -> None:
        """Wake everyone in this process who waits."""
        self._announcements += 1
        self._announced.set()
        self._announced = anyio.Event()

    def stamp(self) -> Stamp:
        """Give the present state; to be taken before the queue is read, so that no change falls in between."""
        try:
            found = os.stat(self._write_ahead_log)  # noqa: PTH116 -- ten times a second, without building a path object
        except OSError:
            return Stamp(self._announcements, 0, 0)
        return Stamp(self._announcements, found.st_mtime_ns, found.st_size)

    async def since(self, stamp: Stamp) -> None:
        """Wait until something changed after ``stamp``, or a second."""
        with anyio.move_on_after(_LONGEST_WAIT_S):
            while self.stamp() == stamp:
                with anyio.move_on_after(_LOOK_INTERVAL_S):
                    await self._announced.wait()

    async def announced_since(self, stamp: Stamp) -> None:
        """Wait for an announcement of this process; changes made by others do not matter."""
        while self._announcements == stamp.announcements:
            await self._announced.wait()
