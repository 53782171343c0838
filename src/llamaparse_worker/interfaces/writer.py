"""Writers of result files."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import FailedPage, ParsedPage


class PageSink(Protocol):
    """Takes the pages of one document in ascending order."""

    def add(self, page: ParsedPage | FailedPage) -> None:
        """Take one page; it is not kept longer than the file's format demands."""
        ...


class Writer(Protocol):
    """Writes one result file; runs in a parser process. Pages come one by one: a document need not fit in memory."""

    @property
    def file_name(self) -> str:
        """The file's name in the result, such as ``result.md``."""
        ...

    @property
    def content_type(self) -> str:
        """The MIME type of the file."""
        ...

    def open(self, out: BinaryIO, options: ParseOptions) -> AbstractContextManager[PageSink]:
        """Begin a file; leaving the context without an error completes it.

        The same pages give the same bytes, so nothing here knows the time.
        """
        ...
