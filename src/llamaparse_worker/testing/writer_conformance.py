"""What every writer must do. Subclass it in a test module and give the writer."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import PurePath

import pytest

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.interfaces import Writer
from llamaparse_worker.model.blocks import CodeBlock, Heading, ListBlock, ListItem, Paragraph, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import FailedPage, PageReason, ParsedPage

_BOX = Box(10.0, 20.0, 110.5, 32.0)

PARSED = ParsedPage(
    number=1,
    width=595.0,
    height=842.0,
    rotation=0,
    blocks=(
        Heading("Title", _BOX, 18.0, level=1),
        Paragraph("Text with \u201cquotes\u201d, a|bar and \U0001f600.", _BOX),
        ListBlock((ListItem("one", _BOX), ListItem("deeper", _BOX, depth=1), ListItem("two", _BOX)), _BOX),
        Table((("a", "b"), ("1", "<2>")), _BOX),
        CodeBlock("x = 1\n    y", _BOX),
    ),
    text="Title\n\nText",
    markdown="# Title\n\nText",
    block_markdown=("# Title", "Text", "- one", "| a | b |", "```\nx = 1\n```"),
    engine="text_layer",
)
BLANK = ParsedPage(2, 595.0, 842.0, 0, (), "", "", "text_layer", reason=PageReason.BLANK)
FAILED = FailedPage(3, ErrorReport("PAGE_UNREADABLE", "Page 3 is damaged."))

_PAGES: tuple[ParsedPage | FailedPage, ...] = (PARSED, BLANK, FAILED)


def written(writer: Writer, pages: Iterable[ParsedPage | FailedPage], options: ParseOptions | None = None) -> bytes:
    """Give the file that a writer makes of these pages."""
    out = io.BytesIO()
    with writer.open(out, options or ParseOptions()) as sink:
        for page in pages:
            sink.add(page)
    return out.getvalue()


class WriterConformance:
    """The contract of ``Writer`` as tests."""

    @pytest.fixture
    def writer(self) -> Writer:
        """Give the writer under test."""
        raise NotImplementedError

    def test_its_file_has_a_plain_name_and_a_type(self, writer: Writer) -> None:
        """The name is no path."""
        assert PurePath(writer.file_name).name == writer.file_name
        assert "/" in writer.content_type

    def test_the_same_pages_give_the_same_bytes(self, writer: Writer) -> None:
        """Nothing in a result knows the time, and a writer keeps nothing between documents."""
        assert written(writer, [PARSED, BLANK, FAILED]) == written(writer, [PARSED, BLANK, FAILED])

    def test_the_text_of_a_page_arrives(self, writer: Writer) -> None:
        """A writer writes what it was given."""
        assert b"Title" in written(writer, [PARSED])

    def test_each_page_leaves_its_trace(self, writer: Writer) -> None:
        """Also a failed page and one without text: pages can be counted in every result."""
        sizes = [len(written(writer, _PAGES[:count])) for count in (1, 2, 3)]
        assert sizes[0] < sizes[1] < sizes[2]

    def test_a_document_without_pages_is_a_file(self, writer: Writer) -> None:
        """Writing nothing is no error."""
        written(writer, [])
