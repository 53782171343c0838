"""Files below a root, opened part by part without following a symbolic link.

A check of the resolved path before opening it could be outrun by whoever may write below the root; a walk along open
folders cannot. Every function blocks and is called in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from anyio.from_thread import check_cancelled

from llamaparse_worker.backends.objects.failures import too_large

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK_BYTES = 8 * 1024 * 1024


@contextmanager
def folder(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """Give a descriptor of the folder ``parts`` below the root; the root itself may be a link."""
    here = os.open(root, _FOLDER)
    try:
        for part in parts:
            deeper = _enter(here, part, create=create)
            os.close(here)
            here = deeper
        yield here
    finally:
        os.close(here)


def _enter(here: int, part: str, *, create: bool) -> int:
    try:
        return os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):  # another worker was faster
        os.mkdir(part, dir_fd=here)
    return os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)


@contextmanager
def opened(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """Give a descriptor to read the regular file ``parts`` below the root.

    Raises:
        FileNotFoundError: nothing is there, or it is no regular file.
        OSError: it cannot be opened, or a symbolic link is on the way.
    """
    with folder(root, parts[:-1]) as parent:
        found = os.open(parts[-1], _READ, dir_fd=parent)
    try:
        yield found
    finally:
        os.close(found)


def copy_into(source: int, target: Path, *, limit_bytes: int, name: str) -> None:
    """Copy an open file into a new file that only this user can read; a partial copy is removed.

    Raises:
        DocumentTooLarge: ``limit_bytes`` is passed.
    """
    with created(target) as out:
        copy(source, out, limit_bytes=limit_bytes, name=name)


@contextmanager
def created(target: Path) -> Iterator[int]:
    """Give a descriptor to write the spool file; when the block fails, the file is removed."""
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield out
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(out)


def copy(source: int, target: int, *, limit_bytes: int | None, name: str) -> None:
    """Copy in the kernel, from descriptor to descriptor, until the source ends; a cancelled task stops between chunks.

    Raises:
        DocumentTooLarge: the limit is passed, by the size at the start or by what arrives.
    """
    if limit_bytes is not None and os.fstat(source).st_size > limit_bytes:
        raise too_large(name, limit_bytes)
    total = 0
    while moved := os.sendfile(target, source, None, _CHUNK_BYTES):
        total += moved
        if limit_bytes is not None and total > limit_bytes:
            raise too_large(name, limit_bytes)
        check_cancelled()
