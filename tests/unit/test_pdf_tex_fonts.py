"""Bitmap fonts of TeX have neither names nor characters: what their codes stand for is told by their words."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest

from llamaparse_worker.backends.reader.pdf import PdfReader
from llamaparse_worker.backends.reader.pdf.tex_fonts import deciphered
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage
from support.bitmap_fonts import set_in_bitmaps


def read(*fonts: Sequence[bytes]) -> RawPage:
    with PdfReader().open(io.BytesIO(set_in_bitmaps(*fonts)), ReaderLimits(100, 4_000_000)) as document:
        return document.read(1)


def lines_of(page: RawPage) -> list[str]:
    return [" ".join(line.split()) for line in page.text.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            b'The \x0crst \x0celd of di\x0berent a\x0fuent e\x0bects \\quoted" {',
            "The first field of different affluent effects “quoted” –",
        ),
        (
            b"The \x1crst \x1celd of di\x1berent a\x1fuent \x10quotes\x11 \x15 don't",
            "The first field of different affluent “quotes” – don’t",
        ),
        (b"Det f\x1clgende gr\x1asset og \x0cnde k\x1bnig n\x1cd", "Det følgende græsset og finde kœnig nød"),
        (b"Stra\xffe \xf7uvre \xaa\xf3d\xb9 \xbbaba g\xa6\xb1 \x1cn", "Straße œuvre łódź żaba gęś fin"),
        (b"\xd3\xf1\xf2\xe0\xed\xee\xe2\xea\xe0 \xe8 \xe5\xbc \x9d 5", "Установка и её \u2116 5"),
    ],
    ids=["OT1", "T1", "OT1 in Danish", "T1 in other languages", "T2A"],
)
def test_the_words_of_a_font_tell_its_encoding(written: bytes, expected: str) -> None:
    assert lines_of(read([written])) == [expected]


def test_a_font_of_a_few_words_has_the_encoding_of_the_others() -> None:
    text, title = [b"The \x0crst \x0celd of di\x0berent e\x0bects"], [b'About \\quotes"']
    assert lines_of(read(text, title)) == ["The first field of different effects", "About “quotes”"]


@pytest.mark.parametrize("bullet", [b"\x0f", b"\x88"])
def test_a_sign_of_its_own_font_that_begins_a_line_is_a_bullet(bullet: bytes) -> None:
    with_item = set_in_bitmaps([b"The \x0crst \x0celd"], [bullet + b" \x01"])
    with PdfReader().open(io.BytesIO(with_item), ReaderLimits(100, 4_000_000)) as document:
        assert lines_of(document.read(1)) == ["The first field", "•"]


def test_the_letters_of_a_ligature_share_its_box() -> None:
    page = read([b"The \x0crst \x0celd of e\x0bects"])
    at = page.text.index("fi")
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    assert boxes[at].tolist() == boxes[at + 1].tolist()
    assert boxes[at + 2, 0] >= boxes[at, 2]
    assert len(page.text) == len(boxes) == len(page.sizes) // 4 == len(page.fonts) // 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("d\xe9j\xe0 vu, 20 \xb5mol, 3\xaa", ""),
        ("a \x0b x \x0c y z \x0d b \x0e c", ""),
        ("The \x0crst \x0celd of di\x0berent e\x0bects", "CMR10"),
    ],
    ids=["Latin letters and signs", "formulas", "a font with a name"],
)
def test_other_text_stays_as_it_is(text: str, name: str) -> None:
    widths = np.array([0 if one == " " else 5 + ord(one) % 7 for one in text], np.float32)
    assert deciphered(text, widths, np.zeros(len(text), np.uint16), [Font(name)]) == list(text)


def test_letters_of_one_width_are_those_of_a_typewriter() -> None:
    text = "The \x0crst \x0celd of di\x0berent e\x0bects {}"
    widths = np.array([0 if one == " " else 5 for one in text], np.float32)
    assert deciphered(text, widths, np.zeros(len(text), np.uint16), [Font("")]) == list(text)
