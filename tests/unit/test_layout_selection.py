from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.errors import InvalidOption
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.selection import selected, selected_words
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import CropBox, ParseOptions
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word
from llamaparse_worker.wire import ParseConfiguration, options_of
from support.documents import HEIGHT, WIDTH, make, measurements, scan, table


def read(draw: Callable[[Canvas], None]) -> RawPage:
    with PdfReader().open(io.BytesIO(make(draw)), ReaderLimits(100, 4_000_000)) as document:
        return document.read(1)


def quarters(canvas: Canvas) -> None:
    for name, x, y in (
        ("top left", 0.2, 0.8),
        ("top right", 0.7, 0.8),
        ("bottom left", 0.2, 0.2),
        ("bottom right", 0.7, 0.2),
    ):
        canvas.drawString(x * WIDTH, y * HEIGHT, name)


def marked(canvas: Canvas) -> None:
    canvas.drawString(100, 700, "Seen")
    canvas.saveState()
    hidden = canvas.beginText(100, 600)
    hidden.setTextRenderMode(3)
    hidden.textLine("Unseen")
    canvas.drawText(hidden)
    canvas.restoreState()
    canvas.translate(300, 400)
    canvas.rotate(45)
    canvas.drawString(0, 0, "DRAFT")


def text_of(draw: Callable[[Canvas], None], options: ParseOptions) -> str:
    return lay_out(selected(read(draw), options)).text


@pytest.mark.parametrize(
    ("crop", "text"),
    [
        (CropBox(bottom=0.5), "top left\ttop right"),
        (CropBox(right=0.5), "top left\n\nbottom left"),
        (CropBox(top=0.5, left=0.5), "bottom right"),
        (CropBox(top=0.4, bottom=0.6), ""),
    ],
)
def test_only_what_lies_within_the_crop_box_is_read(crop: CropBox, text: str) -> None:
    found = text_of(quarters, ParseOptions(crop_box=crop))
    assert found.split() == text.split()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ParseOptions(), ["Seen", "Unseen", "DRAFT"]),
        (ParseOptions(ignore_hidden_text=True), ["Seen", "DRAFT"]),
        (ParseOptions(ignore_diagonal_text=True), ["Seen", "Unseen"]),
    ],
)
def test_text_that_is_unseen_or_diagonal_is_left_out_when_asked(options: ParseOptions, words: list[str]) -> None:
    assert text_of(marked, options).split() == words


def test_the_rules_of_a_table_outside_of_the_crop_box_go_with_it() -> None:
    page = selected(read(table(measurements(5), ruled=True)), ParseOptions(crop_box=CropBox(top=0.9)))
    assert page.rules == b""
    assert not any(isinstance(block, Table) for block in lay_out(page).blocks)


def test_recognised_words_and_images_are_cropped_too() -> None:
    options = ParseOptions(crop_box=CropBox(bottom=0.4))
    page = read(scan())
    words = (Word("above", Box(100, 100, 150, 112)), Word("below", Box(100, 700, 150, 712)))
    assert [word.text for word in selected_words(words, page, options)] == ["above"]
    assert selected(page, options).image_boxes == ()
    assert selected_words(words, page, ParseOptions()) == words


def test_a_page_of_which_all_is_wanted_is_not_copied() -> None:
    page = read(quarters)
    assert selected(page, ParseOptions()) is page


def test_the_options_have_the_names_of_the_api_and_are_honoured() -> None:
    configuration = ParseConfiguration.model_validate(
        {
            "crop_box": {"top": 0.1, "right": 0.5},
            "processing_options": {"ignore": {"ignore_diagonal_text": True, "ignore_hidden_text": True}},
        }
    )
    options = options_of(configuration)
    assert options.crop_box == CropBox(top=0.1, bottom=1, left=0, right=0.5)
    assert options.ignore_diagonal_text
    assert options.ignore_hidden_text
    assert options.ignored == ()


def test_a_crop_box_without_an_inside_is_refused() -> None:
    configuration = ParseConfiguration.model_validate({"crop_box": {"top": 0.6, "bottom": 0.4}})
    with pytest.raises(InvalidOption, match="crop_box: nothing lies between its edges"):
        options_of(configuration)
