"""``result.md``: the Markdown of all pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from llamaparse_worker.interfaces import PageSink
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import FailedPage, ParsedPage


class MarkdownWriter:
    """Joins pages with the page separator of the options; a failed page leaves a comment that names its error."""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return "result.md"

    @property
    def content_type(self) -> str:
        """The type of the file."""
        return "text/markdown; charset=utf-8"

    @contextmanager
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:
        """Begin the file."""
        yield _MarkdownSink(out, options.page_separator)
        out.write(b"\n")


class _MarkdownSink:
    def __init__(self, out: BinaryIO, separator: str) -> None:
        self._out = out
        self._separator = separator
        self._first = True

    def add(self, page: ParsedPage | FailedPage) -> None:
        if not self._first:
            self._out.write(self._separator.replace("{page_number}", str(page.number)).encode())
        self._first = False
        self._out.write(_content(page).encode())


def _content(page: ParsedPage | FailedPage) -> str:
    match page:
        case ParsedPage():
            return page.markdown
        case FailedPage():
            return f"<!-- page {page.number} failed: {page.error.code} -->"
