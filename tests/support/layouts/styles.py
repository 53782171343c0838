"""How documents look: paper, columns, type, and the habits of whoever set them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import reportlab
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

MONO = "Courier"


class Family(StrEnum):
    """A family of fonts: two are embedded, two are those that every reader of PDF has."""

    VERA = "Vera"
    TIMES = "Times-Roman"
    HELVETICA = "Helvetica"
    EMBEDDED_TIMES = "Embedded Times"


class TableLook(StrEnum):
    """What is drawn for a table."""

    GRID = "grid"
    BOOKTABS = "booktabs"
    ROWS = "rows"
    STRIPED = "striped"
    BARE = "bare"


class HeadingLook(StrEnum):
    """What sets headings apart beside their size."""

    BOLD = "bold"
    CAPITALS = "capitals"
    SMALL_CAPITALS = "small capitals"
    ITALIC = "italic"
    COLOUR = "colour"
    DOUBLED = "doubled"
    """Printed twice, a little aside: bold as cheap programs make it."""


class Running(StrEnum):
    """What stands at the edges of every page."""

    NOTHING = "nothing"
    NUMBER = "number"
    HEAD_AND_NUMBER = "head and number"
    BOOK = "book"
    """Number outside, title inside, in turns."""


@dataclass(frozen=True, slots=True)
class Style:
    """One look; lengths are in points."""

    paper: tuple[float, float] = A4
    margins: tuple[float, float] = (64.0, 64.0)
    """Left and right; top and bottom."""
    columns: int = 1
    gap: float = 20.0
    aside: float = 0.0
    """Width of a column beside the text."""
    aside_first: bool = False
    family: Family = Family.VERA
    size: float = 10.0
    leading: float = 1.3
    """A multiple of the size."""
    justified: bool = False
    hyphenated: bool = False
    ligatures: bool = False
    indent: float = 0.0
    """Of the first line; paragraphs that are indented are not spaced."""
    heading_sizes: tuple[float, ...] = (2.0, 1.5, 1.25, 1.1, 1.0)
    """By level, as multiples of the size."""
    heading_look: HeadingLook = HeadingLook.BOLD
    centred: bool = False
    """Whether the title stands in the middle."""
    running: Running = Running.HEAD_AND_NUMBER
    table_look: TableLook = TableLook.GRID
    bullet: str = "•"
    outline: bool = False
    rotation: int = 0
    """Degrees that a reader turns the page by; it reads upright then."""
    ruled_columns: bool = False
    """Whether a line stands between columns."""


def bold(family: Family) -> str:
    """Name the bold font of a family."""
    return _FACES[family][1]


def italic(family: Family) -> str:
    """Name the italic font of a family."""
    return _FACES[family][2]


_FACES = {
    Family.VERA: ("Vera", "Vera-Bold", "Vera-Italic", "Vera-BoldItalic"),
    Family.TIMES: ("Times-Roman", "Times-Bold", "Times-Italic", "Times-BoldItalic"),
    Family.HELVETICA: ("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique"),
    Family.EMBEDDED_TIMES: ("Embedded Times", "Embedded Times-Bold", "Embedded Times-Italic", "Embedded Times-BoldIt"),
}
_TRUETYPE = ("Vera.ttf", "VeraBd.ttf", "VeraIt.ttf", "VeraBI.ttf")
_TYPE1 = ("_er_____", "_eb_____", "_ei_____", "_ebi____")


@cache
def register_fonts() -> None:
    """Make the fonts known that come with reportlab; once is enough."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in zip(_FACES[Family.VERA], _TRUETYPE, strict=True):
        pdfmetrics.registerFont(TTFont(name, file))
    for name, file in zip(_FACES[Family.EMBEDDED_TIMES], _TYPE1, strict=True):
        face = pdfmetrics.EmbeddedType1Face(str(folder / f"{file}.afm"), str(folder / f"{file}.pfb"))
        pdfmetrics.registerTypeFace(face)
        pdfmetrics.registerFont(pdfmetrics.Font(name, face.name, "WinAnsiEncoding"))
    for family in (Family.VERA, Family.EMBEDDED_TIMES):
        pdfmetrics.registerFontFamily(family.value, *_FACES[family])
