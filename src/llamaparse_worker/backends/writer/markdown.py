"""``result.md``: the Markdown of all pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from llamaparse_worker.interfaces import PageSink
from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.model.options import ParseOptions, ResultKind
from llamaparse_worker.model.page import FailedPage, ParsedPage


class MarkdownWriter:
    """Joins pages with the page separator of the options; a failed page leaves a comment that names its error."""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return ResultKind.MARKDOWN.file_name

    @property
    def content_type(self) -> str:
        """The type of the file."""
        return "text/markdown; charset=utf-8"

    @contextmanager
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:
        """Begin the file."""
        yield _MarkdownSink(out, options)
        out.write(b"\n")


class _MarkdownSink:
    def __init__(self, out: BinaryIO, options: ParseOptions) -> None:
        self._out = out
        self._options = options
        self._first = True

    def add(self, page: ParsedPage | FailedPage) -> None:
        around = (self._options.page_separator, self._options.page_prefix, self._options.page_suffix)
        separator, prefix, suffix = (part.replace("{page_number}", str(page.number)) for part in around)
        before = prefix if self._first else separator + prefix
        self._first = False
        self._out.write((before + self._content(page) + suffix).encode())

    def _content(self, page: ParsedPage | FailedPage) -> str:
        match page:
            case ParsedPage():
                header = () if self._options.hide_headers else page.header
                footer = () if self._options.hide_footers else page.footer
                return "\n\n".join(filter(None, (markdown(header), page.markdown, markdown(footer))))
            case FailedPage():
                return f"<!-- page {page.number} failed: {page.error.code} -->"
