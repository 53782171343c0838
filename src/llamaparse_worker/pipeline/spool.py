"""The spool: a private folder for each document in work, gone when the work ends."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from anyio import CancelScope, to_thread

from llamaparse_worker.errors import ConfigurationError, StorageFull
from llamaparse_worker.model.document import Spooled

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def no_space_is_temporary() -> Iterator[None]:
    """Turn "no space left" of the operating system into the typed error.

    Raises:
        StorageFull: the block met a full disk or quota.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StorageFull(f"no space is left in the spool folder: {error.strerror}") from error
        raise


@asynccontextmanager
async def spool_folder(parent: Path) -> AsyncIterator[Path]:
    """Make a folder that only this user can enter, and remove it with all its files at the end.

    Raises:
        StorageFull: the disk is full.
        ConfigurationError: no folder can be made there.
    """
    with no_space_is_temporary():
        folder = await to_thread.run_sync(_make, parent)
    try:
        yield folder
    finally:
        # Also while cancelled: an abandoned folder would fill the disk.
        with CancelScope(shield=True):
            await to_thread.run_sync(_remove, folder)


async def describe(path: Path, name: str) -> Spooled:
    """Measure and hash a document that lies at ``path``; ``name`` is what its user calls it."""
    return await to_thread.run_sync(_describe, path, name)


def _make(parent: Path) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="job-", dir=parent))
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise
        raise ConfigurationError(f"SPOOL_DIR {parent} cannot be written: {error.strerror}") from error


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _describe(path: Path, name: str) -> Spooled:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Spooled(path=str(path), name=name, size_bytes=file.tell(), sha256=digest)
