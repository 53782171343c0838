"""``result.txt``: the plain text of all pages, each page ended by a line end and parted from the next by a form feed.

The n-th part is the n-th selected page: a page without text, or one that failed, is an empty part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from llamaparse_worker.interfaces import PageSink
from llamaparse_worker.model.options import ParseOptions, ResultKind
from llamaparse_worker.model.page import FailedPage, ParsedPage


class TextWriter:
    """Writes plain text in reading order."""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return ResultKind.TEXT.file_name

    @property
    def content_type(self) -> str:
        """The type of the file."""
        return "text/plain; charset=utf-8"

    @contextmanager
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:  # noqa: ARG002 - none concerns text
        """Begin the file."""
        yield _TextSink(out)


class _TextSink:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._first = True

    def add(self, page: ParsedPage | FailedPage) -> None:
        if not self._first:
            self._out.write(b"\f")
        self._first = False
        text = page.text if isinstance(page, ParsedPage) else ""
        self._out.write(f"{text}\n".encode())
