"""Scans whose text is known: pages of many kinds, drawn at 200 dpi and worn as paper and scanners wear them."""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from support.layouts.compose import compose
from support.layouts.genres import GENRES
from support.layouts.pages import draw
from support.layouts.prose import Prose
from support.layouts.slips import form, receipt

DPI = 200
_POINTS = 72
KINDS = (
    *("report",) * 4,
    *("letter",) * 5,
    *("invoice",) * 3,
    *("memorandum",) * 2,
    *("paper",) * 2,
    *("newspaper",) * 2,
    *("statistics",) * 2,
    *("book",) * 2,
    *("newsletter",) * 2,
    *("receipt",) * 4,
    *("form",) * 4,
)
"""Two fifths are office papers, a quarter slips, the rest small print; in English, which every peer reads unasked."""
SLIPS = ("receipt",)
"""What is read fastest."""
_WORD = re.compile(r"[^\W_]+")
_BROKEN = re.compile(r"(?<=[^\W\d_])-[ \t]*\n\s*(?=[^\W\d_])")

Grey = npt.NDArray[np.float32]
"""Samples of 0 to 255, shape (height, width)."""


@dataclass(frozen=True, slots=True)
class Wear:
    """What is between the printed page and its scan; greys are of 255."""

    skew: float = 0.0
    """At most, in degrees, to either side."""
    blur: float = 0.0
    """Of the optics, as the standard deviation in pixels."""
    grain: float = 0.0
    """Noise, as the standard deviation in greys."""
    ink: int = 0
    paper: int = 255
    jpeg: int | None = 90
    """Quality; none for a page of black and white alone, as fax machines send."""


WEARS = (
    Wear(),
    Wear(skew=0.7, blur=0.5, grain=5, ink=25, paper=248, jpeg=75),
    Wear(skew=1.5, blur=0.8, grain=10, ink=60, paper=228, jpeg=50),
    Wear(skew=0.4, blur=0.6, grain=6, jpeg=None),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """A page as an image, in a PDF and by itself, with the words that are printed on it."""

    pdf: Path
    image: Path
    words: Counter[str]


def scans(folder: Path, pages: int, kinds: Sequence[str] = KINDS) -> list[Scan]:
    """Write pages, each a document; the same call writes the same pages, and fewer are spread over all kinds."""
    folder.mkdir(parents=True)
    made = []
    for index in range(pages):
        at = index * len(kinds) // pages if pages < len(kinds) else index
        chance, wear = Random(4000 + index), WEARS[at % len(WEARS)]
        text, pixels = _drawn(_printed(kinds[at % len(kinds)], chance))
        path = folder / f"scan-{index:04d}"
        suffix, content = _encoded(_worn(pixels, wear, chance), wear)
        image = path.with_suffix(suffix)
        image.write_bytes(content)
        made.append(Scan(_bound([image], path.with_suffix(".pdf")), image, words(text)))
    return made


def bundle(pages: Sequence[Scan], count: int, path: Path) -> Path:
    """Write one document of many pages, in which these come again and again."""
    return _bound([pages[index % len(pages)].image for index in range(count)], path)


def words(text: str) -> Counter[str]:
    """Count the words of a text, without case; those broken at the end of a line are joined."""
    return Counter(_WORD.findall(_BROKEN.sub("", unicodedata.normalize("NFKC", text)).lower()))


def word_f1(found: Sequence[Counter[str]], pages: Sequence[Scan]) -> float:
    """Give the mean over pages of the F1 of the bag of words."""
    shares = [
        2 * (page.words & got).total() / (page.words.total() + got.total())
        for page, got in zip(pages, found, strict=True)
    ]
    return sum(shares) / len(shares)


def _printed(kind: str, chance: Random) -> bytes:
    if kind == "receipt":
        return receipt(chance)
    if kind == "form":
        return form(chance)
    genre = GENRES[kind]
    style = replace(genre.style(chance), hyphenated=False)
    return draw(compose(Prose(chance, "en"), genre.content, genre.characters, aside_first=style.aside_first), style).pdf


def _drawn(pdf: bytes) -> tuple[str, Grey]:
    """Give the text of the first page, and its picture."""
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[0]
        text = page.get_textpage().get_text_range()
        picture = page.render(scale=DPI / _POINTS, grayscale=True).to_numpy()
        return text, np.asarray(picture, np.float32).reshape(picture.shape[:2])


def _worn(pixels: Grey, wear: Wear, chance: Random) -> Grey:
    made = wear.ink + pixels * np.float32((wear.paper - wear.ink) / 255)
    if wear.skew:
        height, width = made.shape
        turned = cv2.getRotationMatrix2D((width / 2, height / 2), chance.uniform(-wear.skew, wear.skew), 1.0)
        rotated = cv2.warpAffine(made, turned, (width, height), flags=cv2.INTER_CUBIC, borderValue=(wear.paper,))
        made = np.asarray(rotated, np.float32)
    if wear.blur:
        made = np.asarray(cv2.GaussianBlur(made, (0, 0), wear.blur), np.float32)
    noise = np.random.default_rng(chance.randrange(2**32)).standard_normal(made.shape, np.float32)
    return np.asarray(made + wear.grain * noise, np.float32).clip(0, 255)


def _encoded(pixels: Grey, wear: Wear) -> tuple[str, bytes]:
    picture = Image.fromarray(pixels.astype(np.uint8))
    out = io.BytesIO()
    if wear.jpeg is None:
        picture.point(lambda grey: 255 * (grey > 127)).convert("1").save(out, "PNG", dpi=(DPI, DPI))
        return ".png", out.getvalue()
    picture.save(out, "JPEG", quality=wear.jpeg, dpi=(DPI, DPI))
    return ".jpg", out.getvalue()


def _bound(images: Sequence[Path], path: Path) -> Path:
    canvas = Canvas(str(path), invariant=1)
    for image in images:
        with Image.open(image) as opened:
            width, height = (side * _POINTS / DPI for side in opened.size)
        canvas.setPageSize((width, height))
        canvas.drawImage(str(image), 0, 0, width, height)
        canvas.showPage()
    canvas.save()
    return path
