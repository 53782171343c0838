"""What documents in work may fill of the spool: each, and all of a worker together.

The limits hold for what is there, not for what is asked for: folders are measured once a second, also while a parser
process writes that a document has taken over. So they are met a second late. Files without a name are not seen; they
go with their process.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from llamaparse_worker.errors import LimitExceeded, StorageFull, WorkerError
from llamaparse_worker.pipeline.background import in_background
from llamaparse_worker.pipeline.groups import one_error

MOST_ENTRIES = 1_000_000
"""Files and folders of one document; 10,000 pages with all the images that are saved of each have 600,000."""
_INTERVAL_S = 1.0
_MOST_OF_TIME = 0.1
"""Share of the time that goes into measuring a folder of very many files."""


@dataclass(slots=True)
class _Use:
    """A folder in use: what was last found in it, and how its work is ended."""

    scope: anyio.CancelScope
    bytes: int = 0
    error: WorkerError | None = None

    def end(self, error: WorkerError) -> None:
        self.error = self.error or error
        self.scope.cancel()


class SpoolQuota:
    """Watches the folders of documents in work, and ends the work on one that grows too large."""

    def __init__(self, *, job_bytes: int, total_bytes: int, interval_s: float = _INTERVAL_S) -> None:
        self._job_bytes = job_bytes
        self._total_bytes = total_bytes
        self._interval_s = interval_s
        self._uses: list[_Use] = []

    @asynccontextmanager
    async def watching(self, folder: Path) -> AsyncIterator[None]:
        """Watch a folder while the block runs; the block is cancelled when it grows too large.

        Raises:
            LimitExceeded: the folder holds more than one document may.
            StorageFull: all folders together hold too much, and this one the most; a later attempt may find room.
        """
        with one_error():
            with anyio.CancelScope() as work:
                use = _Use(work)
                self._uses.append(use)
                try:
                    async with in_background(partial(self._watch, folder, use)):
                        yield
                finally:
                    self._uses.remove(use)
        if use.error is not None:
            raise use.error

    async def _watch(self, folder: Path, use: _Use) -> None:
        pause_s = self._interval_s
        while True:
            await anyio.sleep(pause_s)
            began = anyio.current_time()
            use.bytes, entries = await to_thread.run_sync(measured, folder, self._job_bytes)
            pause_s = max(self._interval_s, (anyio.current_time() - began) / _MOST_OF_TIME)
            if use.bytes > self._job_bytes:
                limit = f"SPOOL_MAX_JOB_BYTES allows {self._job_bytes} bytes"
                use.end(LimitExceeded(f"the work on the document fills the spool; {limit}"))
            elif entries > MOST_ENTRIES:
                use.end(LimitExceeded(f"the work on the document made more than {MOST_ENTRIES} files in the spool"))
            elif sum(one.bytes for one in self._uses) > self._total_bytes:
                largest = max(self._uses, key=lambda one: one.bytes)
                limit = f"SPOOL_MAX_BYTES allows {self._total_bytes} bytes for all jobs together"
                largest.end(StorageFull(f"the spool is full; {limit}"))


def measured(folder: Path, enough_bytes: int) -> tuple[int, int]:
    """Give the bytes on disk and the number of entries below a folder; counting ends where either is too much.

    Links are counted and not followed; what is removed meanwhile does not count.
    """
    size, entries, folders = 0, 0, [os.fspath(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if size > enough_bytes or entries > MOST_ENTRIES:
                        return size, entries
        except FileNotFoundError:
            continue
    return size, entries
