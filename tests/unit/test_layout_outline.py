from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.backends.reader.pdf.outline import MAX_ENTRIES
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.assemble import document_signs, finish, page_signs
from llamaparse_worker.layout.headings import HeadingSign
from llamaparse_worker.layout.outline import level_scheme, with_bookmarks
from llamaparse_worker.model.blocks import Block, CodeBlock, Heading, ListBlock, ListItem, Paragraph, Span, SpanKind
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import Bookmark, ParsedPage
from support.documents import HEIGHT, MARGIN, Draw, Pen, make, sentences
from support.pathological import file_of

LIMITS = ReaderLimits(10_000, 4_000_000)
BOX = Box(0, 100, 10, 110)
Entry = tuple[str, int]
"""Title and depth from 0."""


def outlined(*pages: Draw, entries: Sequence[tuple[Entry, ...]]) -> list[ParsedPage]:
    """Parse pages, each with the entries of the outline that lead to it."""

    def with_entries(draw: Draw, titles: Sequence[Entry], page: int) -> Draw:
        def whole(canvas: Canvas) -> None:
            for place, (title, depth) in enumerate(titles):
                canvas.bookmarkPage(f"{page}.{place}")
                canvas.addOutlineEntry(title, f"{page}.{place}", depth)
            draw(canvas)

        return whole

    numbered = enumerate(zip(pages, entries, strict=True))
    content = make(*(with_entries(draw, titles, page) for page, (draw, titles) in numbered))
    with PdfReader().open(io.BytesIO(content), LIMITS) as document:
        laid_out = [lay_out(document.read(number)) for number in range(1, document.page_count + 1)]
    found = finish(laid_out, document_signs(map(page_signs, laid_out)))
    return [page for page in found if isinstance(page, ParsedPage)]


def headings(pages: Sequence[ParsedPage]) -> list[tuple[str, int]]:
    return [(block.text, block.level) for page in pages for block in page.blocks if isinstance(block, Heading)]


def section(title: str, *, font: str = "Helvetica", size: float = 10) -> Draw:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write(sentences(1, 300)).write(title, font=font, size=size, after=12).write(sentences(2, 400))

    return draw


def test_an_entry_names_a_heading_that_looks_like_the_text() -> None:
    pages = outlined(section("Tides"), section("Currents"), entries=[(("Tides", 0),), (("Currents", 1),)])
    assert headings(pages) == [("Tides", 1), ("Currents", 2)]


def test_the_outline_tells_levels_that_looks_do_not() -> None:
    bold = {"font": "Helvetica-Bold", "size": 12.0}
    draws = [section(title, **bold) for title in ("Tides", "Spring tides", "Currents")]  # type: ignore[arg-type] # a mixed dict
    entries: list[tuple[Entry, ...]] = [(("Tides", 0),), (("Spring tides", 1),), (("Currents", 0),)]
    assert headings(outlined(*draws, entries=entries)) == [("Tides", 1), ("Spring tides", 2), ("Currents", 1)]


def test_a_title_that_the_outline_leaves_out_stands_above_it() -> None:
    def first(canvas: Canvas) -> None:
        Pen(canvas).heading("A handbook of the sea", 24).write(sentences(3, 300), after=12).heading("Tides", 14).write(
            sentences(4, 300)
        )

    pages = outlined(first, section("Currents"), entries=[(("1 Tides", 0),), (("2 Currents", 0),)])
    assert headings(pages) == [("A handbook of the sea", 1), ("Tides", 2), ("Currents", 2)]


def test_entries_that_match_nothing_change_nothing() -> None:
    draw = section("Tides", font="Helvetica-Bold", size=14)
    plain = outlined(draw, entries=[()])
    assert outlined(draw, entries=[(("Elsewhere", 0), ("12", 1))]) == plain


def test_a_heading_at_the_top_of_its_page_is_no_running_head() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas, top=HEIGHT - 60).write("Tides", font="Helvetica-Bold", after=24).write(sentences(2, 400))

    pages = outlined(draw, draw, entries=[(("Tides", 0),), (("Tides", 0),)])
    assert headings(pages) == [("Tides", 1), ("Tides", 1)]


def test_an_entry_says_where_on_the_page_it_leads() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.bookmarkHorizontal("here", 0, 500)
        canvas.addOutlineEntry("Tides \U0001f30a", "here", 0)
        canvas.drawString(MARGIN, 490, "Tides")

    with PdfReader().open(io.BytesIO(make(draw)), LIMITS) as document:
        (bookmark,) = document.read(1).bookmarks
    assert (bookmark.title, bookmark.depth) == ("Tides \U0001f30a", 1)
    assert bookmark.top == pytest.approx(HEIGHT - 500, abs=1)


def test_of_two_blocks_the_heading_is_meant_or_the_nearer_one() -> None:
    lower = Box(0, 400, 10, 410)
    texts: list[Block] = [Paragraph("Tides", BOX), Paragraph("Tides", lower)]
    named, _ = with_bookmarks(texts, [Bookmark("Tides", 1, 390.0)], 10, in_text=2)
    assert [type(block) for block in named] == [Paragraph, Heading]
    named, _ = with_bookmarks([*texts, Heading("TIDES", BOX, 12)], [Bookmark("Tides", 2, 390.0)], 10, in_text=3)
    assert [getattr(block, "outline", None) for block in named] == [None, None, 2]


def test_a_list_is_parted_at_the_headings_that_were_taken_for_its_items() -> None:
    items = tuple(ListItem(text, BOX, mark=f"{at}.") for at, text in enumerate(("First", "Tides", "Last"), 1))
    named, _ = with_bookmarks([ListBlock(items, BOX, ordered=True)], [Bookmark("2. Tides", 2)], 10, in_text=1)
    assert [getattr(block, "text", None) for block in named] == [None, "2. Tides", None]
    assert [block.items for block in named if isinstance(block, ListBlock)] == [items[:1], items[2:]]


def test_a_text_at_the_edge_becomes_no_heading() -> None:
    edge = Paragraph("Tides", BOX)
    assert with_bookmarks([edge], [Bookmark("Tides", 1)], 10, in_text=0) == ((), (edge,))


def test_what_looks_like_headings_of_the_outline_is_as_deep_as_they_are() -> None:
    signs = [
        HeadingSign(20, 3, ""),
        HeadingSign(16, 3, "", outline=1),
        HeadingSign(16, 3, "", outline=1),
        HeadingSign(12, 3, "", outline=3),
        HeadingSign(11, 3, ""),
    ]
    scheme = level_scheme({(20, 3, ""): 1, (16, 3, ""): 2, (12, 3, ""): 3, (11, 3, ""): 4}, signs)
    assert [scheme.level(sign) for sign in signs] == [1, 2, 2, 4, 5]
    assert scheme.level(HeadingSign(16, 3, "")) == 2
    assert scheme.level(HeadingSign(10, 0, "")) is None


def damaged(entries: Sequence[bytes]) -> bytes:
    """Give a page with an outline whose entries are the objects from number 5 on."""
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
            b"<< /First 5 0 R /Last 5 0 R >>",
            *entries,
        ]
    )


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ([b"<< /Title (A) /Dest [3 0 R /Fit] /Next 5 0 R >>"], 1),
        ([b"<< /Title (A) /Dest [3 0 R /Fit] /First 5 0 R >>"], 1),
        ([b"<< /Title (A) /Dest [3 0 R /Fit] /First 6 0 R >>", b"<< /Title (B) /First 5 0 R /Next 6 0 R >>"], 1),
        ([b"<< /Title (A) /Dest [9 0 R /Fit] >>"], 0),
        ([b"<< /Dest [3 0 R /Fit] >>"], 0),
        ([b"<< /Title (%s) /Dest [3 0 R /Fit] >>" % (b"A" * 5_000)], 0),
        ([b"<< /Title (A) /Dest [3 0 R /Fit] /First %d 0 R >>" % (at + 6) for at in range(200)], 16),
        (
            [b"<< /Title (A) /Dest [3 0 R /Fit] /Next %d 0 R >>" % (at + 6) for at in range(MAX_ENTRIES + 9)],
            MAX_ENTRIES,
        ),
    ],
    ids=["itself next", "itself below", "a circle", "no page", "no title", "a long title", "deep", "very many"],
)
def test_a_damaged_or_enormous_outline_is_read_as_far_as_it_goes(entries: Sequence[bytes], count: int) -> None:
    with PdfReader().open(io.BytesIO(damaged(entries)), LIMITS) as document:
        assert len(document.read(1).bookmarks) == count


def test_a_title_of_code_alone_is_a_heading_where_the_outline_names_it() -> None:
    listing = CodeBlock("readStream.isRaw", Box(50, 100, 200, 110))

    text, _ = with_bookmarks([listing], [Bookmark("readStream.isRaw", 3, 98.0)], 10, in_text=1)

    (heading,) = text
    assert isinstance(heading, Heading)
    assert (heading.text, heading.outline) == ("readStream.isRaw", 3)
    assert [(span.kind, span.start, span.end) for span in heading.spans] == [(SpanKind.CODE, 0, 16)]


def test_a_title_at_the_head_of_a_listing_is_parted_from_it() -> None:
    listing = CodeBlock("isRaw(mode)\n\nisRaw(1)\nrun()\n\nisTTY\nrun()", Box(50, 100, 200, 170), language="js")

    text, _ = with_bookmarks([listing], [Bookmark("isRaw(mode)", 2, 98.0), Bookmark("isTTY", 2, 150.0)], 10, in_text=1)

    assert [(type(block), getattr(block, "text", "")) for block in text] == [
        (Heading, "isRaw(mode)"),
        (CodeBlock, "isRaw(1)\nrun()"),
        (Heading, "isTTY"),
        (CodeBlock, "run()"),
    ]
    assert [(block.box.y0, block.box.y1) for block in text] == [(100, 110), (120, 140), (150, 160), (160, 170)]
    assert all(block.language == "js" for block in text if isinstance(block, CodeBlock))


def test_a_line_within_a_listing_is_no_title() -> None:
    listing = CodeBlock("isRaw(1)\nrun()\nstop()", BOX)

    assert with_bookmarks([listing], [Bookmark("run()", 2, None)], 10, in_text=1)[0] == (listing,)


@pytest.mark.parametrize(("top", "expected"), [(98.0, Heading), (140.0, CodeBlock), (None, CodeBlock)])
def test_at_an_edge_only_what_the_outline_leads_right_to_is_a_heading(top: float | None, expected: type[Block]) -> None:
    listing = CodeBlock("new tty.ReadStream(fd)", Box(50, 100, 200, 110))

    _, (found,) = with_bookmarks([listing], [Bookmark("new tty.ReadStream(fd)", 3, top)], 10, in_text=0)

    assert isinstance(found, expected)


def test_a_paragraph_that_becomes_a_heading_is_bold_no_more() -> None:
    spans = (Span(0, 11, SpanKind.STRONG), Span(11, 16, SpanKind.CODE), Span(17, 21, SpanKind.EMPHASIS))
    paragraph = Paragraph("Example of Array here", BOX, spans=spans)

    (heading,), _ = with_bookmarks([paragraph], [Bookmark("Example of Array here", 2, None)], 10, in_text=1)

    assert isinstance(heading, Heading)
    assert heading.spans == spans[1:]
