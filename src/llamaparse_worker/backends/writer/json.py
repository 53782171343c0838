"""``result.json``: the LlamaParse v2 result object without its job, for the official client's models to read.

The largest section, ``items``, is written as pages come; the smaller ones are kept as encoded bytes until the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from pydantic import TypeAdapter

from llamaparse_worker.backends.writer.items import (
    FailedPageResult,
    ItemsPage,
    MarkdownPage,
    MetadataPage,
    TextPage,
    failed,
    items,
    metadata,
)
from llamaparse_worker.interfaces import PageSink
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import FailedPage, ParsedPage

_ITEMS = TypeAdapter(ItemsPage)
_MARKDOWN = TypeAdapter(MarkdownPage)
_TEXT = TypeAdapter(TextPage)
_METADATA = TypeAdapter(MetadataPage)
_FAILED = TypeAdapter(FailedPageResult)


class JsonWriter:
    """Writes the result for programs."""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return "result.json"

    @property
    def content_type(self) -> str:
        """The type of the file."""
        return "application/json"

    @contextmanager
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:  # noqa: ARG002 - none concerns JSON
        """Begin the file."""
        sink = _JsonSink(out)
        yield sink
        sink.complete()


class _JsonSink:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._text: list[bytes] = []
        self._markdown: list[bytes] = []
        self._metadata: list[bytes] = []
        out.write(b'{"items":{"pages":[')

    def add(self, page: ParsedPage | FailedPage) -> None:
        if self._metadata:
            self._out.write(b",")
        if isinstance(page, FailedPage):
            content = _FAILED.dump_json(failed(page))
            self._out.write(content)
            self._markdown.append(content)
            self._text.append(_TEXT.dump_json(TextPage(page.number, "")))
        else:
            self._out.write(_ITEMS.dump_json(items(page), exclude_none=True))
            self._markdown.append(_MARKDOWN.dump_json(MarkdownPage(page.number, page.markdown)))
            self._text.append(_TEXT.dump_json(TextPage(page.number, page.text)))
        self._metadata.append(_METADATA.dump_json(metadata(page), exclude_none=True))

    def complete(self) -> None:
        self._out.write(b"]}")
        self._section(b"markdown", self._markdown)
        self._section(b"text", self._text)
        self._section(b"metadata", self._metadata)
        self._out.write(b',"images_content_metadata":{"total_count":0,"images":[]}}\n')

    def _section(self, name: bytes, pages: Sequence[bytes]) -> None:
        self._out.write(b',"' + name + b'":{"pages":[')
        for index, page in enumerate(pages):
            self._out.write(b"," + page if index else page)
        self._out.write(b"]}")
