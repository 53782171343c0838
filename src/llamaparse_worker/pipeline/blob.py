"""Finished pages on disk: an append-only file of frames, one a page, each part in JSON.

The index entry tells what the first look over a whole document needs, so that pages themselves are decoded once, one at
a time. What a killed process left cut short is cut off before more is appended.
"""

from __future__ import annotations

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
from llamaparse_worker.pipeline.frames import MAX_FRAME_BYTES, Frame, framed, whole_frames


@dataclass(frozen=True, slots=True)
class StoredPage:
    """What the index knows of a page, and where it lies in its blob."""

    frame: Frame
    signs: PageSigns

    @property
    def number(self) -> int:
        """The number of the page in the document."""
        return self.frame.number


_SIGNS = TypeAdapter(PageSigns)
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
        for page in _stored(file):
            whole = page.frame.end
        file.truncate(whole)
        return file

    def append(self, page: LaidOutPage) -> None:
        """Write one page.

        Raises:
            CorruptDocument: the page is larger than any frame may be.
        """
        entry = _SIGNS.dump_json(page_signs(page))
        content = _PAGES.dump_json(page)
        if len(entry) + len(content) > MAX_FRAME_BYTES:
            raise CorruptDocument(f"Page {page.number} has more text than a page can have.")
        self._file.write(framed(page.number, entry, content))
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
            return tuple(_stored(file))
    except FileNotFoundError:
        return ()


def read_page(file: BinaryIO, stored: StoredPage) -> LaidOutPage:
    """Decode one page of an open blob."""
    file.seek(stored.frame.page_at)
    return _PAGES.validate_json(file.read(stored.frame.page_size))


def _stored(file: BinaryIO) -> Iterator[StoredPage]:
    for frame in whole_frames(file):
        file.seek(frame.entry_at)
        try:
            signs = _SIGNS.validate_json(file.read(frame.entry_size))
        except ValidationError:
            return
        yield StoredPage(frame, signs)
