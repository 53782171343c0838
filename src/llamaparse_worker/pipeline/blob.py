"""Finished pages on disk: an append-only file of frames, one a page.

A frame is two lengths (32 bits each, little-endian), a small index entry and the page, both as JSON. The index entry
tells what the first look over a whole document needs, so that pages themselves are decoded once, one at a time. A
process may be killed while it writes: a last frame that is cut short does not count and is cut off before more is
appended.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from llamaparse_worker.errors import CorruptDocument
from llamaparse_worker.layout.assemble import PageSigns, page_signs
from llamaparse_worker.model.page import LaidOutPage

MAX_FRAME_BYTES = 256 * 1024 * 1024

_LENGTHS = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class PageEntry:
    """What the index knows of a page."""

    number: int
    signs: PageSigns


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Where a page lies in its blob."""

    entry: PageEntry
    offset: int
    size: int


_ENTRIES = TypeAdapter(PageEntry)
_PAGES = TypeAdapter(LaidOutPage)


class BlobWriter:
    """Appends pages; each one is handed to the operating system before ``append`` returns."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path = path
        self._stack = stack

    @cached_property
    def _file(self) -> BinaryIO:
        """The blob behind its last whole frame, opened for the first page."""
        file = self._stack.enter_context(self._path.open("ab+"))
        whole = 0
        for page in _frames(file):
            whole = page.offset + page.size
        file.truncate(whole)
        return file

    def append(self, page: LaidOutPage) -> None:
        """Write one page.

        Raises:
            CorruptDocument: the page is larger than any frame may be.
        """
        entry = _ENTRIES.dump_json(PageEntry(page.number, page_signs(page)))
        content = _PAGES.dump_json(page)
        if len(entry) + len(content) > MAX_FRAME_BYTES:
            raise CorruptDocument(f"Page {page.number} has more text than a page can have.")
        self._file.write(_LENGTHS.pack(len(entry), len(content)) + entry + content)
        self._file.flush()


@contextmanager
def appending(path: Path) -> Iterator[BlobWriter]:
    """Give a writer of more pages; where there is no blob, the first of them creates it."""
    with ExitStack() as stack:
        yield BlobWriter(path, stack)


def index(path: Path) -> tuple[StoredPage, ...]:
    """Give all whole frames of a blob in the order of writing; a blob that nobody began has none."""
    try:
        with path.open("rb") as file:
            return tuple(_frames(file))
    except FileNotFoundError:
        return ()


def read_page(file: BinaryIO, stored: StoredPage) -> LaidOutPage:
    """Decode one page of an open blob."""
    file.seek(stored.offset)
    return _PAGES.validate_json(file.read(stored.size))


def _frames(file: BinaryIO) -> Iterator[StoredPage]:
    end = file.seek(0, io.SEEK_END)
    at = 0
    while at + _LENGTHS.size <= end:
        file.seek(at)
        entry_size, size = _LENGTHS.unpack(file.read(_LENGTHS.size))
        offset = at + _LENGTHS.size + entry_size
        if entry_size + size > MAX_FRAME_BYTES or offset + size > end:
            return
        try:
            entry = _ENTRIES.validate_json(file.read(entry_size))
        except ValidationError:
            return
        yield StoredPage(entry, offset, size)
        at = offset + size
