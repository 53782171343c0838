from __future__ import annotations

import io

import numpy as np
import pytest
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.backends.reader.pdf.glyphs import clean
from llamaparse_worker.backends.reader.text import TextReader
from llamaparse_worker.errors import CorruptDocument
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage
from support.documents import HEIGHT, make, prose, scan
from support.encoded import encoded

LIMITS = ReaderLimits(100, 40_000_000)


def read(content: bytes) -> RawPage:
    with PdfReader().open(io.BytesIO(content), LIMITS) as document:
        return document.read(1)


def test_a_character_has_the_box_size_and_font_it_is_drawn_with() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-BoldItalic", 20)
        canvas.drawString(100, 700, "A")
        canvas.scale(2, 2)
        canvas.setFont("Courier", 10)
        canvas.drawString(50, 300, "b")

    page = read(make(draw))
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    last = len(page.text) - 1
    assert (page.text[0], page.text[last]) == ("A", "b")
    assert boxes[0, 0] == pytest.approx(100, abs=2)
    assert boxes[0, 1] < HEIGHT - 700 < boxes[0, 3]
    assert boxes[last, 0] == pytest.approx(100, abs=0.5)
    assert np.frombuffer(page.sizes, np.float32)[[0, last]].tolist() == [20.0, 20.0]
    fonts = [page.font_table[index] for index in np.frombuffer(page.fonts, np.uint16)[[0, last]]]
    assert fonts == [
        Font("Times-BoldItalic", bold=True, italic=True),
        Font("Courier", monospaced=True),
    ]


@pytest.mark.parametrize(
    ("name", "bold"),
    [
        ("CMBX10", True),
        ("CMSSBX10", True),
        ("SFBX1095", True),
        ("SFRM1095", False),
        ("CMR10", False),
        ("CMBSY10", False),
    ],
)
def test_the_bold_fonts_of_tex_are_bold(name: str, *, bold: bool) -> None:
    content = encoded(["A"], "BT /F 12 Tf 72 700 Td (A) Tj ET").replace(b"/Helvetica", f"/{name:<9}".encode())
    (font,) = read(content).font_table
    assert font.name == name
    assert font.bold is bold


def test_inferred_spaces_have_no_width() -> None:
    page = read(make(prose(1)))
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    ends = [index for index, character in enumerate(page.text) if character in "\r\n"]
    assert ends
    assert np.all(boxes[ends, 2] == boxes[ends, 0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kept: \u00e4 \u4e2d \U0001f600\r\n\t", "kept: \u00e4 \u4e2d \U0001f600\r\n\t"),
        ("a\x00b", "a b"),
        ("a\ud800b", "a\ufffdb"),
        ("a\ufffeb\x02", "a-b-"),
        ("\ufdd0\uffff\x7f\x85", "\ufffd\ufffd  "),
    ],
)
def test_what_is_no_character_is_replaced_one_for_one(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert len(expected) == len(text)


def test_a_character_beyond_the_first_plane_is_one_with_one_box() -> None:
    page = read(encoded(["\U0001f600", "x"], "BT 3 Tr /F 12 Tf 72 700 Td (ABA) Tj ET"))
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    assert page.text == "\U0001f600x\U0001f600"
    assert np.diff(boxes[:, 0]).tolist() == pytest.approx([8, 8], abs=0.1)
    assert {len(page.sizes) // 4, len(page.fonts) // 2, len(page.traits)} == {3}


def test_an_image_of_a_page_is_grey_and_has_ink_where_the_text_is() -> None:
    with PdfReader().open(io.BytesIO(make(prose(1))), LIMITS) as document, document.render(1, dpi=72) as image:
        pixels = np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width).copy()
    assert pixels[:40].min() == 255
    assert pixels[50:300].min() < 64
    assert image.channels == 1


def test_images_are_located() -> None:
    (box,) = read(make(scan())).image_boxes
    assert (box.x0, box.y0) == (0, 0)
    assert box.y1 == pytest.approx(HEIGHT, abs=0.5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_is_read_in_the_encoding_that_it_is_in(encoding: str) -> None:
    content = "Gr\u00fc\u00dfe\r\naus K\u00f6ln".encode(encoding)
    assert TextReader().accepts(content[:4096], "gruss.txt")
    with TextReader().open(io.BytesIO(content), LIMITS) as document:
        assert document.read(1).text == "Gr\u00fc\u00dfe\naus K\u00f6ln"


def test_text_that_breaks_its_own_byte_order_mark_is_damaged() -> None:
    with pytest.raises(CorruptDocument), TextReader().open(io.BytesIO(b"\xff\xfea\x00b"), LIMITS):
        pass


def test_long_text_is_cut_into_pages() -> None:
    content = "".join(f"line {number}\n" for number in range(1, 151)).encode()
    with TextReader().open(io.BytesIO(content), LIMITS) as document:
        assert document.page_count == 3
        assert document.read(3).text.splitlines()[-1] == "line 150"
