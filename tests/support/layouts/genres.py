"""Kinds of documents: what they are made of, and the looks they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from reportlab.lib.pagesizes import A4, A5, LETTER, landscape

from support.layouts.compose import Content, compose
from support.layouts.pages import Drawn, draw
from support.layouts.prose import LANGUAGES, Prose
from support.layouts.styles import Family, HeadingLook, Running, Style, TableLook
from support.layouts.truth import Block, Heading, Truth

_PRINTED_BY_ALL = ("en", "de", "fr", "es")
"""Languages whose letters are in the fonts that every reader has."""
_LATIN_1 = frozenset({Family.TIMES, Family.HELVETICA, Family.EMBEDDED_TIMES})
_CAPITALS = frozenset({HeadingLook.CAPITALS, HeadingLook.SMALL_CAPITALS})
_SERIFS = (Family.TIMES, Family.EMBEDDED_TIMES)


@dataclass(frozen=True, slots=True)
class Genre:
    """A kind of document."""

    content: Content
    style: Callable[[Random], Style]
    characters: int
    """Of a document for tests."""


@dataclass(frozen=True)
class Document:
    """A document with its truth."""

    truth: Truth
    style: Style

    @property
    def pdf(self) -> bytes:
        """The file."""
        return self._drawn.pdf

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return self._drawn.pages

    @cached_property
    def _drawn(self) -> Drawn:
        return draw(self.truth, self.style)


def document(genre: str, seed: int, characters: int | None = None) -> Document:
    """Make a document of a genre of ``GENRES``; the same arguments give the same document."""
    kind = GENRES[genre]
    chance = Random(f"{genre} {seed}")
    style = kind.style(chance)
    languages = _PRINTED_BY_ALL if style.family in _LATIN_1 else tuple(LANGUAGES)
    prose = Prose(chance, chance.choice(languages))
    truth = compose(prose, kind.content, characters or kind.characters, aside_first=style.aside_first)
    return Document(_as_printed(truth) if style.heading_look in _CAPITALS else truth, style)


def _as_printed(truth: Truth) -> Truth:
    def capitals(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(
            replace(block, title=block.title.upper()) if isinstance(block, Heading) else block for block in blocks
        )

    return replace(truth, opening=capitals(truth.opening), body=capitals(truth.body), aside=capitals(truth.aside))


def _report(chance: Random) -> Style:
    return Style(
        margins=(chance.choice((72, 90)), chance.choice((72, 84))),
        family=chance.choice((Family.VERA, Family.VERA, Family.HELVETICA)),
        size=chance.choice((10.5, 11.0)),
        leading=chance.choice((1.4, 1.6)),
        justified=chance.random() < 0.5,
        hyphenated=chance.random() < 0.5,
        heading_look=chance.choice((HeadingLook.BOLD, HeadingLook.COLOUR)),
        table_look=chance.choice((TableLook.GRID, TableLook.STRIPED, TableLook.ROWS)),
        outline=chance.random() < 0.7,
    )


def _paper(chance: Random) -> Style:
    return Style(
        paper=chance.choice((A4, LETTER)),
        margins=(50, 60),
        columns=2,
        family=chance.choice(_SERIFS),
        size=chance.choice((9.5, 10.0)),
        leading=1.2,
        justified=True,
        hyphenated=True,
        indent=12,
        heading_sizes=(1.8, 1.2, 1.05, 1.0),
        heading_look=chance.choice((HeadingLook.BOLD, HeadingLook.SMALL_CAPITALS)),
        centred=True,
        running=chance.choice((Running.NUMBER, Running.NOTHING)),
        table_look=TableLook.BOOKTABS,
    )


def _newspaper(chance: Random) -> Style:
    return Style(
        margins=(40, 50),
        columns=3,
        gap=16,
        family=chance.choice((*_SERIFS, Family.VERA)),
        size=9,
        leading=1.2,
        justified=chance.random() < 0.7,
        hyphenated=True,
        indent=9,
        heading_sizes=(3.0, 1.5, 1.2),
        heading_look=HeadingLook.BOLD,
        ruled_columns=chance.random() < 0.5,
    )


def _letter(chance: Random) -> Style:
    return Style(
        paper=chance.choice((A4, LETTER)),
        margins=(72, 90),
        family=chance.choice(tuple(Family)),
        size=chance.choice((10.0, 11.0)),
        leading=1.4,
        running=Running.NOTHING,
    )


def _manual(chance: Random) -> Style:
    return Style(
        paper=chance.choice((A4, LETTER)),
        margins=(80, 84),
        size=chance.choice((10.0, 11.0)),
        leading=1.5,
        ligatures=chance.random() < 0.5,
        heading_sizes=(2.2, 1.7, 1.35, 1.15, 1.0),
        heading_look=chance.choice((HeadingLook.BOLD, HeadingLook.COLOUR, HeadingLook.ITALIC)),
        table_look=chance.choice((TableLook.GRID, TableLook.ROWS, TableLook.BOOKTABS)),
        bullet=chance.choice("•–"),
        outline=True,
    )


def _invoice(chance: Random) -> Style:
    return Style(
        family=chance.choice((Family.VERA, Family.HELVETICA)),
        size=9.5,
        heading_sizes=(1.8, 1.3),
        running=Running.NUMBER,
        table_look=chance.choice(tuple(TableLook)),
    )


def _statistics(chance: Random) -> Style:
    return Style(
        paper=chance.choice((A4, landscape(A4))),
        margins=(56, 56),
        family=chance.choice((Family.VERA, Family.TIMES)),
        size=chance.choice((8.5, 9.0)),
        heading_sizes=(2.0, 1.4, 1.2),
        table_look=chance.choice(tuple(TableLook)),
        running=Running.HEAD_AND_NUMBER,
    )


def _newsletter(chance: Random) -> Style:
    return Style(
        aside=130,
        aside_first=chance.random() < 0.5,
        gap=24,
        size=9,
        heading_sizes=(2.6, 1.4),
        heading_look=HeadingLook.COLOUR,
        running=Running.NUMBER,
    )


def _book(chance: Random) -> Style:
    return Style(
        paper=A5,
        margins=(48, 52),
        family=chance.choice(_SERIFS),
        size=chance.choice((10.0, 10.5)),
        leading=1.25,
        justified=True,
        hyphenated=True,
        indent=14,
        heading_sizes=(1.5, 1.15, 1.0),
        heading_look=chance.choice((HeadingLook.CAPITALS, HeadingLook.BOLD)),
        centred=True,
        running=Running.BOOK,
    )


def _slides(chance: Random) -> Style:
    return Style(
        paper=landscape(A5),
        margins=(50, 50),
        family=chance.choice((Family.VERA, Family.HELVETICA)),
        size=14,
        heading_sizes=(2.0, 1.5),
        heading_look=HeadingLook.COLOUR,
        running=Running.NUMBER,
    )


def _turned(chance: Random) -> Style:
    return replace(_report(chance), rotation=chance.choice((90, 180, 270)))


def _memorandum(chance: Random) -> Style:
    return Style(
        family=chance.choice((Family.HELVETICA, Family.VERA)),
        size=10,
        heading_sizes=(1.6, 1.2, 1.0),
        heading_look=HeadingLook.DOUBLED,
        table_look=TableLook.BARE,
        running=Running.NUMBER,
    )


GENRES: Mapping[str, Genre] = {
    "report": Genre(
        Content(
            {"text": 5, "items": 2, "numbers": 1.5, "figure": 1, "texts": 1, "quote": 0.5},
            depth=3,
            numbered=True,
            rich=0.08,
            noted=0.1,
        ),
        _report,
        9000,
    ),
    "paper": Genre(
        Content(
            {"text": 6, "numbers": 1, "figure": 1, "items": 0.6},
            depth=2,
            numbered=True,
            lead=True,
            rich=0.05,
            noted=0.08,
            widest=4,
        ),
        _paper,
        12_000,
    ),
    "newspaper": Genre(
        Content({"text": 6, "figure": 1, "quote": 0.6}, depth=1, lead=True, paragraph=(180, 420)), _newspaper, 10_000
    ),
    "letter": Genre(Content(depth=0, titled=False, paragraph=(150, 450)), _letter, 1300),
    "manual": Genre(
        Content(
            {"text": 2, "items": 3, "code": 3, "texts": 1, "quote": 0.4},
            depth=4,
            rich=0.2,
            paragraph=(120, 400),
        ),
        _manual,
        9000,
    ),
    "invoice": Genre(Content({"bill": 1}, depth=1, paragraph=(80, 200)), _invoice, 1500),
    "statistics": Genre(
        Content({"long": 1, "spanned": 2, "beside": 1, "numbers": 2}, depth=2, paragraph=(100, 300)),
        _statistics,
        7000,
    ),
    "newsletter": Genre(Content({"text": 3, "items": 1}, depth=1, aside=420, lead=True), _newsletter, 1900),
    "book": Genre(
        Content({"text": 8, "quote": 0.5}, depth=1, rich=0.03, noted=0.06, paragraph=(300, 900)), _book, 9000
    ),
    "slides": Genre(Content({"items": 3, "figure": 0.5}, depth=1, paragraph=(50, 120)), _slides, 2500),
    "turned": Genre(Content({"text": 5, "items": 1, "numbers": 2}, depth=2, numbered=True), _turned, 5000),
    "memorandum": Genre(
        Content({"text": 4, "items": 1, "numbers": 1, "texts": 1}, depth=2, rich=0.05), _memorandum, 5000
    ),
}
