from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.layout.figures import with_figures
from llamaparse_worker.model.blocks import Heading, Paragraph
from llamaparse_worker.model.document import DocumentInfo, ParsedDocument, Spooled
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PageImage
from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.model.page import ParsedPage
from llamaparse_worker.pipeline.manifest import Circumstances, manifest_of
from support.documents import MARGIN, Pen, make, picture, sentences
from support.tasks import Parsed, parsed

INLINE = {"output_options": {"images_to_save": ["embedded"], "markdown": {"inline_images": True}}}


def illustrated(canvas: Canvas) -> None:
    Pen(canvas).heading("A sign at the quay", 18).write("Before the picture. " + sentences(1, 300))
    canvas.drawImage(ImageReader(io.BytesIO(picture("CLOSED"))), MARGIN, 480, 420, 140)
    Pen(canvas, top=465).write("Figure 1: The sign [new].").write("Behind the picture. " + sentences(2, 300))


@pytest.fixture(scope="module")
def inlined() -> Parsed:
    return parsed(make(illustrated), INLINE)


def test_an_image_stands_before_its_caption_which_is_its_alternative_text(inlined: Parsed) -> None:
    (name,) = (name for name in inlined.files if name.startswith("images/"))
    parts = inlined.markdown.strip().split("\n\n")
    assert parts[2:4] == [f"![Figure 1: The sign \\[new\\].]({name})", "Figure 1: The sign [new]."]
    assert parts[1].startswith("Before the picture.")
    assert parts[4].startswith("Behind the picture.")


def test_an_image_in_the_markdown_is_an_item_of_the_result_with_its_file_and_box(inlined: Parsed) -> None:
    (item,) = (item for item in inlined.items(1) if item["type"] == "image")
    assert item["url"] in inlined.files
    assert item["caption"] == "Figure 1: The sign [new]."
    assert item["bbox"][0] == {"x": 64.0, "y": 221.89, "w": 420.0, "h": 140.0}


def test_without_the_option_no_image_is_saved_or_shown() -> None:
    found = parsed(make(illustrated), {})
    assert "![" not in found.markdown
    assert not [name for name in found.files if name.startswith("images/")]


def page(*images: Box) -> ParsedPage:
    blocks = tuple(
        Paragraph(text, Box(x, y, x + 200, y + 80))
        for text, x, y in (("one", 50, 50), ("two", 50, 400), ("three", 300, 50), ("four", 300, 150))
    )
    saved = tuple(
        PageImage(f"images/{index}.png", ImageKind.EMBEDDED, box, 9, 9, "image/png")
        for index, box in enumerate(images, 1)
    )
    return parsed_page(blocks, saved)


def parsed_page(blocks: tuple[Heading | Paragraph, ...], images: tuple[PageImage, ...]) -> ParsedPage:
    texts = tuple(block.text for block in blocks)
    return ParsedPage(1, 600, 800, 0, blocks, "", "", "text_layer", images=images, block_markdown=texts)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(50, 200, 250, 300), "one ![](images/1.png) two three four"),
        (Box(300, 500, 500, 600), "one two three four ![](images/1.png)"),
        (Box(50, 600, 250, 700), "one two ![](images/1.png) three four"),
        (Box(0, 0, 600, 800), ""),
    ],
)
def test_an_image_without_a_caption_stands_in_its_column(box: Box, expected: str) -> None:
    assert with_figures(page(box)).markdown.replace("\n\n", " ") == expected


def test_images_at_one_place_keep_their_order_from_top_to_bottom() -> None:
    found = with_figures(page(Box(60, 300, 240, 390), Box(60, 200, 240, 290)))
    assert [figure.name for figure in found.figures] == ["images/2.png", "images/1.png"]


def test_a_caption_above_stays_above_its_image() -> None:
    blocks = (Paragraph("Fig. 2 Levels", Box(50, 50, 250, 60)), Paragraph("text", Box(50, 300, 250, 400)))
    saved = (PageImage("images/1.png", ImageKind.EMBEDDED, Box(50, 70, 250, 200), 9, 9, "image/png"),)
    found = with_figures(parsed_page(blocks, saved))
    assert found.markdown == "Fig. 2 Levels\n\n![Fig. 2 Levels](images/1.png)\n\ntext"


def test_the_manifest_says_how_many_images_of_a_page_are_left_out() -> None:
    def many(canvas: Canvas) -> None:
        for index in range(5):
            canvas.drawImage(ImageReader(io.BytesIO(picture(str(index)))), 50, 100 + 120 * index, 300, 100)

    pages = parsed(make(many, illustrated), INLINE, images=2).pages
    document = ParsedDocument(DocumentInfo("pdf", 2), tuple(pages), ())
    circumstances = Circumstances(job_id="a", attempt=1, started_at=datetime(2026, 1, 1, tzinfo=UTC), durations_s={})
    spooled = Spooled("a.pdf", "a.pdf", 1, "")
    made = manifest_of(spooled, document, ParseOptions(), circumstances, error=None, flags=())
    assert [page["images_left_out"] for page in json.loads(made)["pages"]] == [3, None]


def test_a_bold_caption_that_looks_like_a_heading_is_one() -> None:
    blocks = (Heading("Fig. 3: Levels", Box(50, 210, 250, 222), 11.0), Paragraph("text", Box(50, 300, 250, 400)))
    saved = (PageImage("images/1.png", ImageKind.LAYOUT, Box(50, 70, 250, 200), 9, 9, "image/png"),)
    (figure,) = with_figures(parsed_page(blocks, saved)).figures
    assert (figure.caption, figure.before) == ("Fig. 3: Levels", 0)


def test_a_figure_without_a_caption_stands_before_its_first_label() -> None:
    blocks = tuple(Paragraph(text, Box(60, y, 90, y + 10)) for text, y in (("above", 20), ("40", 80), ("20", 180)))
    saved = (PageImage("images/1.png", ImageKind.LAYOUT, Box(50, 70, 250, 200), 9, 9, "image/png"),)
    found = with_figures(parsed_page(blocks, saved))
    assert found.markdown == "above\n\n![](images/1.png)\n\n40\n\n20"
