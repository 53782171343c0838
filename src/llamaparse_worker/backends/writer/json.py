"""``result.json``: the LlamaParse v2 result object without its job, for the official client's models to read.

The largest section, ``items``, is written as pages come; the smaller ones wait for the end, in memory while they are
short and then in temporary files beside the result, so that memory does not grow with the pages.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO

from pydantic import TypeAdapter

from llamaparse_worker.backends.writer.forms import FormsPage, forms_page
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
from llamaparse_worker.model.options import ParseOptions, ResultKind
from llamaparse_worker.model.page import FailedPage, ParsedPage

_ITEMS = TypeAdapter(ItemsPage).serializer
_MARKDOWN = TypeAdapter(MarkdownPage).serializer
_TEXT = TypeAdapter(TextPage).serializer
_METADATA = TypeAdapter(MetadataPage).serializer
_FAILED = TypeAdapter(FailedPageResult).serializer
_FORMS = TypeAdapter(FormsPage).serializer
_IMAGE = TypeAdapter(ImageMetadata).serializer
_IN_MEMORY_BYTES = 512 * 1024


class JsonWriter:
    """Writes the result for programs."""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return ResultKind.JSON.file_name

    @property
    def content_type(self) -> str:
        """The type of the file."""
        return "application/json"

    @contextmanager
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:
        """Begin the file."""
        folder = _folder(out)
        with (
            _short_file(folder) as markdown,
            _short_file(folder) as text,
            _short_file(folder) as metadata,
            _short_file(folder) as forms,
        ):
            sections = _Sections(
                _Section(b"markdown", markdown),
                _Section(b"text", text),
                _Section(b"metadata", metadata),
                _Section(b"forms", forms) if options.form_values else None,
            )
            sink = _JsonSink(out, options, sections)
            yield sink
            sink.complete()


class _JsonSink:
    def __init__(self, out: BinaryIO, options: ParseOptions, sections: _Sections) -> None:
        self._out = out
        self._options = options
        self._sections = sections
        self._images: list[bytes] = []
        self._first = True
        out.write(b'{"items":{"pages":[')

    def add(self, page: ParsedPage | FailedPage) -> None:
        if not self._first:
            self._out.write(b",")
        self._first = False
        if isinstance(page, FailedPage):
            content = _FAILED.to_json(failed(page))
            self._out.write(content)
            self._sections.markdown.add(content)
            self._sections.text.add(_TEXT.to_json(TextPage(page.number, "")))
            if self._sections.forms is not None:
                self._sections.forms.add(content)
        else:
            self._out.write(_ITEMS.to_json(items(page, self._options.tables), exclude_none=True))
            self._sections.markdown.add(_MARKDOWN.to_json(markdown_page(page), exclude_none=True))
            self._sections.text.add(_TEXT.to_json(TextPage(page.number, page.text)))
            if self._sections.forms is not None:
                self._sections.forms.add(_FORMS.to_json(forms_page(page), exclude_none=True, by_alias=True))
            for image in page.images:
                self._images.append(_IMAGE.to_json(image_metadata(image, len(self._images), page.number)))
        known = metadata(
            page, printed_number=self._options.extract_printed_page_number, auto_mode=bool(self._options.upgrades)
        )
        self._sections.metadata.add(_METADATA.to_json(known, exclude_none=True))

    def complete(self) -> None:
        sections = self._sections
        self._out.write(b"]}")
        for section in (sections.markdown, sections.text, sections.metadata, sections.forms):
            if section is not None:
                section.write_to(self._out)
        count = str(len(self._images)).encode()
        images = b",".join(self._images)
        self._out.write(b',"images_content_metadata":{"total_count":' + count + b',"images":[' + images + b"]}}\n")


@dataclass(frozen=True, slots=True)
class _Sections:
    """What is written behind the items; forms only where a job asks for them."""

    markdown: _Section
    text: _Section
    metadata: _Section
    forms: _Section | None


class _Section:
    """The pages of one section, kept until their turn."""

    def __init__(self, name: bytes, pages: SpooledTemporaryFile[bytes]) -> None:
        self._pages = pages
        self._pages.write(b',"' + name + b'":{"pages":[')
        self._first = True

    def add(self, page: bytes) -> None:
        self._pages.write(page if self._first else b"," + page)
        self._first = False

    def write_to(self, out: BinaryIO) -> None:
        self._pages.seek(0)
        shutil.copyfileobj(self._pages, out)
        out.write(b"]}")


def _short_file(folder: str | None) -> SpooledTemporaryFile[bytes]:
    """Open a file that is in memory until it is long, and then in a folder."""
    return SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=folder)


def _folder(out: BinaryIO) -> str | None:
    """Give the folder of a file, where there is room for others."""
    name = getattr(out, "name", None)
    return str(Path(name).parent) if isinstance(name, str | Path) else None
