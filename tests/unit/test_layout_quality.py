from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.layout.quality import text_layer_problem
from llamaparse_worker.model.characters import Font, Trait
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import PageReason, RawPage
from support.documents import HEIGHT, WIDTH, blank, make, picture, prose, scan, sentences

LIMITS = ReaderLimits(100, 4_000_000)


def read(draw: Callable[[Canvas], None]) -> RawPage:
    with PdfReader().open(io.BytesIO(make(draw)), LIMITS) as document:
        return document.read(1)


def raw(text: str, *, pictured: float = 0.0, outlines: int = 0, traits: int = 0) -> RawPage:
    return RawPage(
        number=1,
        width=600,
        height=800,
        rotation=0,
        text=text,
        boxes=np.zeros((len(text), 4), np.float32).tobytes(),
        sizes=np.full(len(text), 10, np.float32).tobytes(),
        fonts=np.zeros(len(text), np.uint16).tobytes(),
        font_table=(Font("Any"),),
        image_boxes=(Box(0, 0, 600, 800 * pictured / 2), Box(0, 400, 600, 400 + 800 * pictured / 2))
        if pictured
        else (),
        outlines=outlines,
        traits=np.full(len(text), traits, np.uint8).tobytes(),
    )


GERMAN = "Schwarz und weiß, der Strumpf schrumpft; Angstschweiß, Rhythmus und Pfropf. " * 8
POLISH = "W Szczebrzeszynie chrząszcz brzmi w trzcinie i Szczebrzeszyn z tego słynie. " * 8
CZECH = "Strč prst skrz krk. Vlk zmrzl, zhltl hrst zrn. Chrt pln skvrn vtrhl skrz trs chrp. " * 2
CODE = "def read(x0, y0): return np.frombuffer(x0, np.float32)[y0:] ^ 0xffff; " * 8
FIGURES = "12.5 13.7 0.01 99 kWh 17 mm 3.3 kg 1.234,56 -0.5 " * 20
CHINESE = "支持本地运行和批量处理文档的功能" * 20
SHIFTED = "".join(chr(ord(letter) + 3) if letter.isalpha() else letter for letter in sentences(1, 600))


@pytest.mark.parametrize("text", [sentences(1, 600), GERMAN, POLISH, CZECH, CODE, FIGURES, CHINESE, "A title"])
def test_text_in_any_language_is_kept(text: str) -> None:
    assert text_layer_problem(raw(text)) is None


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (raw("", pictured=1.0), PageReason.SCANNED),
        (raw("Page 7 of 9", pictured=0.9), PageReason.SCANNED),
        (raw("Page 7 of 9", pictured=0.4), PageReason.SPARSE),
        (raw("Page 7 of 9", outlines=900), PageReason.VECTOR_TEXT),
        (raw("Page 7 of 9", outlines=20), None),
        (raw("", outlines=20), PageReason.NO_TEXT),
        (replace(raw(""), drawn=False), PageReason.BLANK),
        (raw(sentences(1, 600), pictured=1.0, traits=int(Trait.HIDDEN)), None),
        (raw("\ue123\ue0ff\ue456 " * 100), PageReason.GARBLED),
        (raw("\ufffd\ufffd a " * 100), PageReason.GARBLED),
        (raw("□□□ □□ " * 30), PageReason.GARBLED),
        (raw(sentences(1, 600), traits=int(Trait.UNMAPPED)), PageReason.GARBLED),
        (raw(SHIFTED), PageReason.GARBLED),
        (raw("\uf0b7 A point of a list\n" * 12), None),
    ],
)
def test_a_text_layer_that_is_not_what_the_page_says_has_a_reason(page: RawPage, reason: PageReason | None) -> None:
    assert text_layer_problem(page) is reason


@given(st.text(max_size=400), st.floats(0, 1), st.integers(0, 500))
def test_every_page_can_be_judged(text: str, pictured: float, outlines: int) -> None:
    reason = text_layer_problem(raw(text, pictured=pictured, outlines=outlines))
    assert reason in {None, *PageReason} - {PageReason.BLANK}


def outlined(canvas: Canvas) -> None:
    """Draw what may be letters, each as a shape of its own."""
    draw = random.Random(1)
    for row in range(12):
        for column in range(40):
            path = canvas.beginPath()
            path.moveTo(80 + 10 * column, 700 - 14 * row)
            for _ in range(4):
                points = (draw.uniform(0, 7) for _ in range(6))
                path.curveTo(
                    *(80 + 10 * column + x if index % 2 == 0 else 700 - 14 * row + x for index, x in enumerate(points))
                )
            canvas.drawPath(path, fill=1, stroke=0)


def scan_within_a_form(canvas: Canvas) -> None:
    canvas.beginForm("whole")
    canvas.drawImage(ImageReader(io.BytesIO(picture("Scanned letter"))), 0, 0, WIDTH / 2, HEIGHT / 2)
    canvas.endForm()
    canvas.scale(2, 2)
    canvas.doForm("whole")


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (prose(1), None),
        (scan(), PageReason.SCANNED),
        (scan_within_a_form, PageReason.SCANNED),
        (outlined, PageReason.VECTOR_TEXT),
        (blank, PageReason.BLANK),
    ],
)
def test_a_page_says_with_its_result_why_its_text_is_not_all(
    draw: Callable[[Canvas], None], reason: PageReason | None
) -> None:
    assert lay_out(read(draw)).reason is reason


def test_a_garbled_page_still_delivers_what_there_is() -> None:
    page = lay_out(replace(read(prose(1)), traits=b"\x10" * len(read(prose(1)).text)))
    assert page.reason is PageReason.GARBLED
    assert page.text.startswith("Section 1")
