"""Objects as files below one folder: a key is a path, a file appears under its key by one rename.

A file is first written into the folder ``.incoming`` of the same file system. Hard links to spool files would be
faster for large files, but a parser process could still hold such a file open for writing.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from stat import S_ISREG

import structlog
from anyio import CapacityLimiter, create_task_group, to_thread

from llamaparse_worker.backends.objects.beneath import copy, copy_into, folder, opened
from llamaparse_worker.backends.objects.failures import read_failure, too_large, write_failure
from llamaparse_worker.backends.objects.filesystem.settings import FilesystemSettings
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, SourceForbidden, SourceNotFound
from llamaparse_worker.interfaces import Component, ObjectStore
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.object_key import below, key_parts
from llamaparse_worker.pipeline.groups import one_error

_Parts = tuple[str, ...]
"""A key: the folders on the way, and the name of the file."""
_Fill = Callable[[int], None]
"""Writes the content of a file to the descriptor that it is given."""

_INCOMING = ".incoming"
_LEFTOVER_AGE_S = 24 * 3600
_THREADS = 16
_FILES_PER_HOP = 8
_RACES = 100
"""How often a folder may be removed by a delete while files are being put into it; each time takes microseconds."""

log = structlog.get_logger()


class FilesystemObjectStore:
    """An ``ObjectStore`` on a local or shared file system. Everything is done in threads."""

    def __init__(self, root: Path, *, fsync: bool = False) -> None:
        self._root = root
        self._fsync = fsync
        self._threads = CapacityLimiter(_THREADS)
        """Its own, so that a hanging network file system cannot take the threads of others."""

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        """Copy the file into ``target``."""
        parts = _parts(key)

        def fetch() -> None:
            with _reading(key), opened(self._root, parts) as source:
                _expect_file(source, key)
                copy_into(source, target, limit_bytes=limit_bytes, name=key)

        await to_thread.run_sync(fetch, limiter=self._threads)

    async def store(self, key: str, path: Path, *, content_type: str) -> None:
        """Copy the file and rename the copy; the content type lives in the key's ending alone."""
        del content_type
        parts = _parts(key)
        await to_thread.run_sync(self._store, [(parts, path)], limiter=self._threads)

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        """Copy the files, several in one hop: handing over to a thread costs more than copying a small file."""
        found = [(_parts(f"{prefix}/{file.name}"), folder / file.name) for file in files]
        with one_error():
            async with create_task_group() as tasks:
                for _, group in groupby(found, lambda one: one[0][:-1]):
                    beside = list(group)
                    for at in range(0, len(beside), _FILES_PER_HOP):
                        part = beside[at : at + _FILES_PER_HOP]
                        tasks.start_soon(partial(to_thread.run_sync, self._store, part, limiter=self._threads))

    async def read(self, key: str, *, limit_bytes: int) -> bytes:
        """Give a file's content."""
        parts = _parts(key)

        def read() -> bytes:
            with _reading(key), opened(self._root, parts) as source:
                _expect_file(source, key)
                with os.fdopen(source, "rb", closefd=False) as file:
                    content = file.read(limit_bytes + 1)
            if len(content) > limit_bytes:
                raise too_large(key, limit_bytes)
            return content

        return await to_thread.run_sync(read, limiter=self._threads)

    async def write(self, key: str, content: bytes, *, content_type: str) -> None:
        """Write a file and rename it."""
        del content_type
        parts = _parts(key)

        def fill(out: int) -> None:
            written = 0
            while written < len(content):
                written += os.write(out, memoryview(content)[written:])

        await to_thread.run_sync(self._put, [(parts, fill)], limiter=self._threads)

    async def list(self, prefix: str) -> Sequence[str]:
        """Walk the folder of the prefix."""
        start = below(prefix)

        def walk() -> Sequence[str]:
            with _reading(prefix or "the object store"):
                return sorted(_files(self._root, start))

        return await to_thread.run_sync(walk, limiter=self._threads)

    async def delete(self, key: str) -> None:
        """Remove the file, and its folders as far as they became empty."""
        parts = _parts(key)
        await to_thread.run_sync(self._delete, parts, limiter=self._threads)

    async def ping(self) -> str:
        """Write a file, remove it, and give the folder with its free space."""
        return await to_thread.run_sync(self._probe, limiter=self._threads)

    def _store(self, files: Sequence[tuple[_Parts, Path]]) -> None:
        with ExitStack() as stack:
            sources = [(parts, stack.enter_context(path.open("rb", buffering=0))) for parts, path in files]
            copies = [(parts, partial(copy, one.fileno(), limit_bytes=None, name=parts[-1])) for parts, one in sources]
            self._put(copies)

    def _put(self, files: Sequence[tuple[_Parts, _Fill]]) -> None:
        """Have files of one folder filled, and put each under its key.

        Raises:
            StorageFull: no space is left.
            BackendUnavailable: one of them cannot be written; those before it may be there.
        """
        key = files[0][0]
        made: deque[tuple[str, str]] = deque()
        try:
            with folder(self._root, (_INCOMING,), create=True) as incoming:
                try:
                    for key, fill in files:
                        made.append((secrets.token_hex(16), key[-1]))
                        self._make(made[-1][0], incoming, fill)
                    self._publish(incoming, made, key[:-1])
                except BaseException:
                    for name, _ in made:
                        with suppress(FileNotFoundError):
                            os.unlink(name, dir_fd=incoming)
                    raise
        except OSError as error:
            raise write_failure(error, "/".join(key)) from error

    def _make(self, name: str, incoming: int, fill: _Fill) -> None:
        out = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=incoming)
        with os.fdopen(
            out, "wb", buffering=0
        ):  # closed before it is published: a network file system may fail only then
            fill(out)
            if self._fsync:
                os.fsync(out)

    def _publish(self, incoming: int, made: deque[tuple[str, str]], parts: _Parts) -> None:
        """Give files their names in a folder; those that have theirs leave ``made``."""
        for tries_left in reversed(range(_RACES)):
            try:
                with folder(self._root, parts, create=True) as parent:
                    while made:
                        name, final = made[0]
                        os.rename(name, final, src_dir_fd=incoming, dst_dir_fd=parent)
                        made.popleft()
                    if self._fsync:
                        _flush_folder(parent)
            except FileNotFoundError:
                if not tries_left:
                    raise
            else:
                return

    def _delete(self, parts: Sequence[str]) -> None:
        try:
            with folder(self._root, parts[:-1]) as parent:
                os.unlink(parts[-1], dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return
        except OSError as error:
            raise write_failure(error, "/".join(parts)) from error
        with suppress(OSError):  # not empty, or another worker was faster
            for depth in range(len(parts) - 1, 0, -1):
                with folder(self._root, parts[: depth - 1]) as parent:
                    os.rmdir(parts[depth - 1], dir_fd=parent)

    def _probe(self) -> str:
        name = f"ping-{secrets.token_hex(8)}"
        try:
            with folder(self._root, (_INCOMING,), create=True) as incoming:
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=incoming))
                os.unlink(name, dir_fd=incoming)
            space = os.statvfs(self._root)
        except OSError as error:
            raise BackendUnavailable(f"{self._root} cannot be written: {error.strerror}") from error
        return f"file system, {self._root}, {space.f_bavail * space.f_frsize / 1e9:.1f} GB free"

    def clear_leftovers(self) -> int:
        """Remove what workers killed while writing left behind more than a day ago; gives the number of files."""
        removed = 0
        oldest = time.time() - _LEFTOVER_AGE_S
        for path in (self._root / _INCOMING).iterdir():
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
        return removed


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise read_failure(error, name) from error


def _parts(key: str) -> tuple[str, ...]:
    parts = key_parts(key)
    if parts[0] == _INCOMING:
        raise SourceForbidden(f"object key {key[:80]!r} lies in the folder of unfinished files")
    return parts


def _expect_file(descriptor: int, name: str) -> None:
    if not S_ISREG(os.fstat(descriptor).st_mode):
        raise SourceNotFound(f"{name} is not a file")


def _files(root: Path, start: str) -> Iterator[str]:
    try:
        with folder(root, start.split("/")[:-1]):
            pass
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from _walk(root / start, start)


def _walk(path: Path, start: str) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and (start or entry.name != _INCOMING):
                yield from _walk(path / entry.name, f"{start}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield start + entry.name


def _flush_folder(parent: int) -> None:
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.fsync(readable)
    finally:
        os.close(readable)


@asynccontextmanager
async def open_filesystem(settings: FilesystemSettings) -> AsyncIterator[ObjectStore]:
    """Create the folder and give the store.

    Raises:
        ConfigurationError: OBJECTS_DIR cannot be created.
    """

    def prepare() -> FilesystemObjectStore:
        root = settings.objects_dir.absolute()
        try:
            (root / _INCOMING).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"OBJECTS_DIR={root}: cannot be created: {error.strerror}") from error
        store = FilesystemObjectStore(root, fsync=settings.objects_fsync)
        if removed := store.clear_leftovers():
            log.info("objects.leftovers_removed", files=removed)
        return store

    yield await to_thread.run_sync(prepare)


component: Component[FilesystemSettings, ObjectStore] = Component(settings=FilesystemSettings, open=open_filesystem)
