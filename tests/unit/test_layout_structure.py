"""What a page is made of, and what only all pages of a document together tell."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.assemble import PageSigns, document_signs, finish, page_signs
from llamaparse_worker.layout.headings import HeadingSign, heading_levels, style_of
from llamaparse_worker.layout.selection import selected
from llamaparse_worker.model.blocks import CodeBlock, Heading, ListBlock, Paragraph, SpanKind, Table
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import ParsedPage, RawPage
from llamaparse_worker.pipeline.links import with_page_links
from support.documents import MARGIN, WIDTH, Draw, Pen, make, sentences
from support.tagged import Tag, tagged_pdf

LIMITS = ReaderLimits(100, 4_000_000)


def parsed(content: bytes, options: ParseOptions | None = None) -> list[ParsedPage]:
    asked = options or ParseOptions()
    with PdfReader().open(io.BytesIO(content), LIMITS) as document:
        numbers = range(1, document.page_count + 1)
        raw = [with_page_links(document.read(number), document, asked) for number in numbers]
    pages = [lay_out(selected(page, asked), asked) for page in raw if isinstance(page, RawPage)]
    return [page for page in finish(pages, document_signs(map(page_signs, pages))) if isinstance(page, ParsedPage)]


def parsed_pages(*draws: Draw, options: ParseOptions | None = None) -> list[ParsedPage]:
    return parsed(make(*draws), options)


def texts(page: ParsedPage, kind: type[Heading | Paragraph | CodeBlock]) -> list[str]:
    return [block.text for block in page.blocks if isinstance(block, kind)]


def running(number: int, head: str = "Annals of the Harbour") -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(MARGIN, 810, head)
        canvas.drawRightString(WIDTH - MARGIN, 36, str(number))
        Pen(canvas, top=750).write(sentences(number, 700)).write(sentences(number + 50, 400))

    return draw


def test_running_heads_and_feet_are_apart_from_the_text_with_the_printed_page_number() -> None:
    pages = parsed_pages(running(41), running(42), running(43))
    for number, page in enumerate(pages, 41):
        assert page.markdown == f"{sentences(number, 700)}\n\n{sentences(number + 50, 400)}"
        assert page.text == page.markdown
        assert [block.text for block in page.header if isinstance(block, Paragraph)] == ["Annals of the Harbour"]
        assert [block.text for block in page.footer if isinstance(block, Paragraph)] == [str(number)]
        assert page.printed_number == str(number)


def test_a_head_that_changes_with_the_chapter_is_known_by_its_place() -> None:
    pages = parsed_pages(running(1), running(2), running(3, "On the tides"), running(4))
    assert "On the tides" not in pages[2].markdown
    assert pages[2].header


def test_a_first_line_that_no_other_page_has_stays_in_the_text() -> None:
    def letter(name: str) -> Draw:
        def draw(canvas: Canvas) -> None:
            Pen(canvas, top=745).write(f"Letter {name}", after=20).write(sentences(len(name), 500))

        return draw

    pages = parsed_pages(letter("one"), letter("two"), letter("three"))
    assert [page.markdown.split("\n")[0] for page in pages] == ["Letter one", "Letter two", "Letter three"]
    assert not any(page.header for page in pages)


def test_a_paragraph_that_goes_on_overleaf_is_whole_where_it_begins() -> None:
    def first(canvas: Canvas) -> None:
        Pen(canvas, top=200).write(sentences(1, 300)).write("The pilot waited at the second mole because the chan-")

    def second(canvas: Canvas) -> None:
        Pen(canvas, top=740).write("nel was closed.").write(sentences(2, 300))

    before, after = parsed_pages(first, second)
    assert before.markdown.endswith("\n\nThe pilot waited at the second mole because the channel was closed.")
    assert after.markdown == sentences(2, 300)


def test_a_paragraph_that_goes_on_in_the_next_column_is_whole() -> None:
    words = sentences(3, 2600)

    def draw(canvas: Canvas) -> None:
        left = Pen(canvas, MARGIN, 220, 700)
        right = Pen(canvas, MARGIN + 240, 220, 700)
        half = words.index(" ", 1300)
        while words[half - 1] == ".":
            half = words.index(" ", half + 1)
        left.write(words[:half])
        right.write(words[half + 1 :])

    (page,) = parsed_pages(draw)
    assert texts(page, Paragraph) == [words]


def test_a_footnote_follows_the_paragraph_that_refers_to_it() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write(sentences(1, 600))
        canvas.setFont("Helvetica", 10)
        canvas.drawString(MARGIN, pen.y, "The record is kept by the master")
        end = MARGIN + canvas.stringWidth("The record is kept by the master", "Helvetica", 10)
        canvas.setFont("Helvetica", 6)
        canvas.drawString(end, pen.y + 4, "1")
        canvas.setFont("Helvetica", 10)
        canvas.drawString(end + 3.4, pen.y, ".")
        pen.y -= 24
        pen.write(sentences(2, 500))
        canvas.setFont("Helvetica", 5)
        canvas.drawString(MARGIN, 153, "1")
        canvas.setFont("Helvetica", 8)
        canvas.drawString(MARGIN + 4, 150, "Since the old lighthouse was lit again.")

    (page,) = parsed_pages(draw)
    assert page.markdown == "\n\n".join(
        [
            sentences(1, 600),
            "The record is kept by the master[^1].",
            "[^1]: Since the old lighthouse was lit again.",
            sentences(2, 500),
        ]
    )


def test_bold_italic_and_fixed_pitch_words_keep_their_look() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write(sentences(1, 500))
        x = MARGIN
        for font, text in (
            ("Helvetica", "Call"),
            ("Courier", "open_gate()"),
            ("Helvetica", "before the"),
            ("Helvetica-Bold", "third bell"),
            ("Helvetica", "and"),
            ("Helvetica-Oblique", "never"),
            ("Helvetica", "after."),
        ):
            canvas.setFont(font, 10)
            canvas.drawString(x, pen.y, text)
            x += canvas.stringWidth(text + " ", font, 10)

    (page,) = parsed_pages(draw)
    assert page.markdown.endswith("Call `open_gate()` before the **third bell** and *never* after.")
    last = page.blocks[-1]
    assert isinstance(last, Paragraph)
    assert last.text == "Call open_gate() before the third bell and never after."
    assert [span.kind for span in last.spans] == [SpanKind.CODE, SpanKind.STRONG, SpanKind.EMPHASIS]


@pytest.mark.parametrize(
    ("shown", "levels"),
    [
        ([(20.0, 3, ""), (14.0, 3, ""), (11.0, 3, "")], [1, 2, 3]),
        ([(20.0, 0, ""), (10.0, 2, "roman"), (10.0, 1, "letter"), (10.0, 1, "bracket")], [1, 2, 3, 4]),
        ([(12.0, 3, "1"), (12.0, 3, "2"), (12.0, 3, ""), (12.0, 3, "3")], [1, 2, 1, 3]),
    ],
)
def test_the_level_of_a_heading_comes_from_size_weight_and_number(
    shown: Sequence[tuple[float, int, str]], levels: Sequence[int]
) -> None:
    assert [heading_levels([HeadingSign(*one) for one in shown])[one] for one in shown] == levels


def test_the_names_below_a_title_are_no_headings() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 20)
        canvas.drawCentredString(WIDTH / 2, 700, "On Tides and Rivers")
        canvas.setFont("Helvetica", 12)
        canvas.drawCentredString(WIDTH / 2, 670, "A. Keeper, B. Pilot")
        canvas.drawCentredString(WIDTH / 2, 655, "Harbour Institute")
        Pen(canvas, top=600).write(sentences(1, 900)).heading("Methods", 13).write(sentences(2, 600))

    (page,) = parsed_pages(draw)
    assert texts(page, Heading) == ["On Tides and Rivers", "Methods"]
    assert texts(page, Paragraph)[:2] == ["A. Keeper, B. Pilot", "Harbour Institute"]


def linked(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(MARGIN, 600, "Read the tide tables before sailing.")
    start = MARGIN + canvas.stringWidth("Read the ", "Helvetica", 10)
    end = start + canvas.stringWidth("tide tables", "Helvetica", 10)
    canvas.linkURL("https://example.org/tides (old)", (start, 597, end, 609))


def test_links_are_written_where_they_are_asked_for() -> None:
    (plain,) = parsed_pages(linked)
    assert plain.markdown == "Read the tide tables before sailing."
    (page,) = parsed_pages(linked, options=ParseOptions(annotate_links=True))
    assert page.markdown == "Read the [tide tables](https://example.org/tides%20%28old%29) before sailing."


def test_columns_stand_beside_each_other_in_the_text_where_that_is_asked_for() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas, 60, 200, 700).write(sentences(1, 400))
        Pen(canvas, 320, 200, 700).write(sentences(2, 400))

    (unrolled,) = parsed_pages(draw)
    assert unrolled.text == f"{sentences(1, 400)}\n\n{sentences(2, 400)}"
    (page,) = parsed_pages(draw, options=ParseOptions(do_not_unroll_columns=True))
    first = page.text.splitlines()[0]
    assert first.startswith(sentences(1, 400)[:20])
    assert sentences(2, 400)[:20] in first
    places = [line.rindex("  ") for line in page.text.splitlines()[:5]]
    assert max(places) - min(places) <= 1


def test_the_same_place_is_the_same_column_on_all_pages_where_that_is_asked_for() -> None:
    def page(x: float, size: float) -> Draw:
        def draw(canvas: Canvas) -> None:
            canvas.setFont("Helvetica", size)
            canvas.drawString(x, 700, "left edge")
            canvas.drawString(300, 700, "right part")

        return draw

    options = ParseOptions(preserve_layout_alignment_across_pages=True)
    first, second = parsed_pages(page(60, 8), page(100, 14), options=options)
    assert first.text.index("right") == second.text.index("right") == 60
    assert second.text.index("left") == 20


TAGGED = tagged_pdf(
    Tag("H1", ["Tides of the Harbour"]),
    Tag("P", ["Words of the first line go", "on in the second."]),
    Tag("H3", ["Deeper"]),
    Tag("L", below=[Tag("LI", below=[Tag("Lbl", ["1."]), Tag("LBody", ["First item"])])]),
    Tag("BlockQuote", below=[Tag("P", ["Said the pilot."]), Tag("P", ["And again."])]),
    Tag("Code", below=[Tag("P", ["open_gate()"]), Tag("P", ["close_gate()"])]),
    Tag(
        "Table",
        below=[
            Tag("TR", below=[Tag("TH", ["Place"]), Tag("TH", ["Level"])]),
            Tag("TR", below=[Tag("TD", ["Both alike"], attributes="/ColSpan 2")]),
            Tag("TR", below=[Tag("TD", ["Mole"]), Tag("TD", ["3.2"])]),
        ],
    ),
    artifact="Page 7 of 9",
)


def test_a_tagged_page_is_read_as_its_structure_says() -> None:
    (page,) = parsed(TAGGED)
    assert page.markdown.split("\n\n")[:-1] == [
        "# Tides of the Harbour",
        "Words of the first line go on in the second.",
        "### Deeper",
        "1. First item",
        "> Said the pilot.\n>\n> And again.",
        "```\nopen_gate()\nclose_gate()\n```",
    ]
    assert [type(block) for block in page.blocks[:2]] == [Heading, Paragraph]
    assert any(isinstance(block, ListBlock) for block in page.blocks)
    found = page.blocks[-1]
    assert isinstance(found, Table)
    assert found.rows == (("Place", "Level"), ("Both alike", ""), ("Mole", "3.2"))
    assert [(cell.row, cell.column, cell.column_span) for cell in found.cells if cell.column_span > 1] == [(1, 0, 2)]


def test_what_a_tagged_page_calls_an_artifact_is_no_text() -> None:
    (page,) = parsed(TAGGED)
    assert "Page 7" not in page.markdown
    assert [block.text for block in page.footer if isinstance(block, Paragraph)] == ["Page 7 of 9"]
    assert page.printed_number == "7"


def test_levels_of_very_many_headings_are_found_in_a_moment() -> None:
    signs = [HeadingSign(12.0 + index % 9, index % 2, "", characters=9) for index in range(50_000)]
    pages = [PageSigns(tuple(signs[at : at + 10]), (), 10.0, 500) for at in range(0, len(signs), 10)]
    started = time.process_time()

    levels = document_signs(pages).levels.of_styles

    assert len({style_of(sign) for sign in signs}) == len(levels)
    assert time.process_time() - started < 5, "what compares each with each takes minutes"


def test_a_link_stands_on_its_own_words_though_the_like_occur_before() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write("Other gates than the old gate are shut, and the gate keeper sleeps.")
        start = MARGIN + stringWidth("Other gates than the old gate are shut, and the ", "Helvetica", 10)
        end = start + stringWidth("gate", "Helvetica", 10)
        canvas.linkURL("https://example.org/keeper", (start, 777, end, 790))

    (page,) = parsed_pages(draw, options=ParseOptions(annotate_links=True))
    assert "the old gate are shut, and the [gate](https://example.org/keeper) keeper" in page.markdown


def test_a_footnote_at_the_very_end_of_a_page_follows_the_paragraph_that_refers_to_it() -> None:
    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas).write("The gate was shut.")
        canvas.setFont("Helvetica", 6)
        canvas.drawString(MARGIN + stringWidth("The gate was shut.", "Helvetica", 10), 784, "1")
        pen.write(sentences(3, 600))
        canvas.setFont("Helvetica", 5)
        canvas.drawString(MARGIN, 43, "1")
        canvas.setFont("Helvetica", 8)
        canvas.drawString(MARGIN + 5, 40, "By order of the harbour office.")

    (page,) = parsed_pages(draw)
    assert page.markdown.startswith("The gate was shut.[^1]\n\n[^1]: By order of the harbour office.\n\n")


def test_words_that_are_stretched_to_the_width_of_their_column_are_no_table() -> None:
    stretched = (
        "Zähler wurde Prüfung Maß für und",
        "Verwaltungsgebäude Brücke Lieferung zwischen",
        "Flächen Straße öffentlich Flächen der",
    )

    def draw(canvas: Canvas) -> None:
        pen = Pen(canvas, width=240).write(sentences(5, 200), after=0)
        for line in stretched:
            words = line.split()
            room = (240 - sum(stringWidth(word, "Helvetica", 10) for word in words)) / (len(words) - 1)
            x = pen.x
            for word in words:
                canvas.drawString(x, pen.y, word)
                x += stringWidth(word, "Helvetica", 10) + room
            pen.y -= 12.5
        pen.write(sentences(6, 200))

    (page,) = parsed_pages(draw)
    assert " ".join(stretched) in page.markdown
    assert not any(isinstance(block, Table) for block in page.blocks)
