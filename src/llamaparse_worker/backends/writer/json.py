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
    ImageMetadata,
    ItemsPage,
    MarkdownPage,
    MetadataPage,
    TextPage,
    failed,
    image_metadata,
    items,
    markdown_page,
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
_IMAGE = TypeAdapter(ImageMetadata)


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
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:
        """Begin the file."""
        sink = _JsonSink(out, options)
        yield sink
        sink.complete()


class _JsonSink:
    def __init__(self, out: BinaryIO, options: ParseOptions) -> None:
        self._out = out
        self._options = options
        self._text: list[bytes] = []
        self._markdown: list[bytes] = []
        self._metadata: list[bytes] = []
        self._images: list[bytes] = []
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
            self._out.write(_ITEMS.dump_json(items(page, self._options.tables), exclude_none=True))
            self._markdown.append(_MARKDOWN.dump_json(markdown_page(page), exclude_none=True))
            self._text.append(_TEXT.dump_json(TextPage(page.number, page.text)))
            for image in page.images:
                self._images.append(_IMAGE.dump_json(image_metadata(image, len(self._images), page.number)))
        self._metadata.append(
            _METADATA.dump_json(
                metadata(page, printed_number=self._options.extract_printed_page_number), exclude_none=True
            )
        )

    def complete(self) -> None:
        self._out.write(b"]}")
        self._section(b"markdown", self._markdown)
        self._section(b"text", self._text)
        self._section(b"metadata", self._metadata)
        count = str(len(self._images)).encode()
        images = b",".join(self._images)
        self._out.write(b',"images_content_metadata":{"total_count":' + count + b',"images":[' + images + b"]}}\n")

    def _section(self, name: bytes, pages: Sequence[bytes]) -> None:
        self._out.write(b',"' + name + b'":{"pages":[')
        for index, page in enumerate(pages):
            self._out.write(b"," + page if index else page)
        self._out.write(b"]}")
