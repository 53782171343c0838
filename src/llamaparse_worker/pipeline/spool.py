"""The spool: a private folder for each document in work, gone when the work ends.

Each folder is locked while it is in use. What a killed worker left behind is not: the next start removes it, also where
several workers share the spool.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from anyio import CancelScope, to_thread

from llamaparse_worker.errors import ConfigurationError, StorageFull
from llamaparse_worker.model.document import Spooled

_PREFIX = "job-"
_NAME_BYTES = 16
"""Parser processes may enter any folder of the spool and cannot list them: what they were not told they cannot find."""
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
        folder, lock = await to_thread.run_sync(_make, parent)
    try:
        yield folder
    finally:
        # Also while cancelled: an abandoned folder would fill the disk.
        with CancelScope(shield=True):
            await to_thread.run_sync(_remove_locked, folder, lock)


async def remove_leftovers(parent: Path) -> int:
    """Remove the folders that no living worker uses; gives their number."""
    return await to_thread.run_sync(_remove_leftovers, parent)


async def describe(path: Path, name: str) -> Spooled:
    """Do what ``described`` does, beside the event loop."""
    return await to_thread.run_sync(described, path, name)


def described(path: Path, name: str) -> Spooled:
    """Measure and hash a document that lies at ``path``; ``name`` is what its user calls it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Spooled(path=str(path), name=name, size_bytes=file.tell(), sha256=digest)


def _make(parent: Path) -> tuple[Path, int]:
    """Make a folder and lock it, with the parent locked meanwhile: nobody meets it unlocked."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if parent.stat().st_uid not in {os.getuid(), 0}:  # a mounted volume belongs to root
            raise ConfigurationError(f"SPOOL_DIR {parent} belongs to another user; choose another folder")
        with _locked(parent):
            folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{secrets.token_hex(_NAME_BYTES)}-", dir=parent))
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            return folder, lock
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise
        raise ConfigurationError(f"SPOOL_DIR {parent} cannot be written: {error.strerror}") from error


def _remove_leftovers(parent: Path) -> int:
    removed = 0
    with _locked(parent):
        for folder in parent.glob(f"{_PREFIX}*"):
            removed += _remove_unused(folder)
    return removed


def _remove_unused(folder: Path) -> bool:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False  # it is gone already
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove_locked(folder: Path, lock: int) -> None:
    """Remove a folder, and then let go of it: only that frees its place on the disk, which may take milliseconds."""
    _remove(folder)
    os.close(lock)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
