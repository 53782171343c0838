"""Sets the blocks of a document: each becomes one or more pieces that pages are filled with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Preformatted
from reportlab.platypus import Paragraph as Set

from support.layouts.drawings import Doubled, Drawing, SideBySide
from support.layouts.drawn_tables import drawn_table
from support.layouts.styles import MONO, HeadingLook, Style, bold, italic
from support.layouts.truth import (
    Beside,
    Block,
    Code,
    Figure,
    Heading,
    Items,
    Look,
    Note,
    Paragraph,
    Phrase,
    Role,
    Run,
    Table,
    plain,
)

_STEP = 18.0
_SMALL = 0.85
_LIGATURES = (("ffi", "f\ufb01"), ("ffl", "f\ufb02"), ("fi", "\ufb01"), ("fl", "\ufb02"))
_SOFT_HYPHEN = "\u00ad"
_VOWELS = "aeiouyäöüáéèêíóúœ"
_SYLLABLE = re.compile(rf"(?<=\w\w\w)(?=[^\W\d_{_VOWELS}][{_VOWELS}]\w)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to be set, with the room around it in points."""

    flowable: Flowable
    before: float = 0.0
    after: float = 0.0
    keeps_next: bool = False
    notes: tuple[Flowable, ...] = ()
    heading: Heading | None = None


def pieces(block: Block, style: Style, width: float) -> Iterator[Piece]:
    """Set a block for a column of this width."""
    room = 0.0 if style.indent else 0.6 * style.size
    match block:
        case Heading():
            yield _heading(block, style)
        case Paragraph(role=Role.TEXT):
            notes = tuple(_note(note, style) for note in block.notes)
            yield Piece(Set(_markup(block.phrase, style), _text_style(style, block.phrase)), room, room, notes=notes)
        case Paragraph(role=Role.QUOTE):
            quote = ParagraphStyle("quote", _text_style(style, block.phrase), leftIndent=24, rightIndent=24)
            quote.firstLineIndent = 0
            yield Piece(Set(_markup(block.phrase, style), quote), 0.8 * style.size, 0.8 * style.size)
        case Paragraph():
            caption = _plain_style(style, 0.9 * style.size)
            above = not plain(block.phrase).startswith("Figure")
            yield Piece(
                Set(_markup(block.phrase, style), caption), style.size, 0.5 * style.size if above else style.size, above
            )
        case Items():
            yield from _items(block, style)
        case Code():
            code = ParagraphStyle("code", fontName=MONO, fontSize=_SMALL * style.size, leading=1.15 * style.size)
            yield Piece(Preformatted("\n".join(block.lines), code), 0.8 * style.size, 0.8 * style.size)
        case Table():
            yield Piece(drawn_table(block, style, width), 0.5 * style.size, 1.2 * style.size)
        case Beside():
            part = (width - _STEP) / len(block.tables)
            tables = [drawn_table(table, style, part) for table in block.tables]
            yield Piece(SideBySide(tables, _STEP), style.size, 1.2 * style.size)
        case Figure():
            yield Piece(Drawing(block, 0.4 * width), style.size, 0.5 * style.size, keeps_next=True)


def _heading(heading: Heading, style: Style) -> Piece:
    size = style.heading_sizes[heading.level - 1] * style.size
    look = style.heading_look
    font = bold(style.family)
    if look in {HeadingLook.DOUBLED, HeadingLook.SMALL_CAPITALS}:
        font = style.family.value
    elif look is HeadingLook.ITALIC:
        font = italic(style.family)
    made = ParagraphStyle("heading", fontName=font, fontSize=size, leading=1.2 * size, alignment=TA_LEFT)
    if style.centred and heading.level == 1:
        made.alignment = TA_CENTER
    if look is HeadingLook.COLOUR:
        made.textColor = HexColor("#1f3f7f")
    markup = _small_capitals(heading.text, size) if look is HeadingLook.SMALL_CAPITALS else escape(heading.text)
    flowable: Flowable = Set(markup, made)
    if look is HeadingLook.DOUBLED:
        flowable = Doubled(flowable)
    return Piece(flowable, 0.9 * size + 2, 0.4 * size, keeps_next=True, heading=heading)


def _small_capitals(text: str, size: float) -> str:
    words = (f'{escape(word[:1])}<font size="{0.8 * size:.2f}">{escape(word[1:])}</font>' for word in text.split())
    return " ".join(words)


def _plain_style(style: Style, size: float) -> ParagraphStyle:
    return ParagraphStyle("plain", fontName=style.family.value, fontSize=size, leading=style.leading * size)


def _text_style(style: Style, phrase: Phrase) -> ParagraphStyle:
    made = _plain_style(style, style.size)
    # Reportlab puts the areas of links beside their words in lines that it stretches.
    linked = any(run.look is Look.LINK for run in phrase)
    made.alignment = TA_JUSTIFY if style.justified and not linked else TA_LEFT
    made.firstLineIndent = style.indent
    # Reportlab measures lines of several fonts wrongly where it breaks their words.
    made.embeddedHyphenation = int(style.hyphenated and len(phrase) == 1)
    return made


def _items(block: Items, style: Style) -> Iterator[Piece]:
    for place, item in enumerate(block.items):
        made = _plain_style(style, style.size)
        made.bulletFontName, made.bulletFontSize = style.family.value, style.size
        made.bulletIndent = item.depth * _STEP + 4
        made.leftIndent = (item.depth + 1) * _STEP + 2
        mark = f"{item.number}." if item.number else "–" if item.depth else style.bullet
        before = 0.5 * style.size if not place else 1.5
        after = 0.6 * style.size if place == len(block.items) - 1 else 1.5
        yield Piece(Set(_markup(item.phrase, style), made, bulletText=mark), before, after)


def _note(note: Note, style: Style) -> Flowable:
    markup = f"<super>{note.label}</super> {_markup(note.phrase, style)}"
    return Set(markup, _plain_style(style, 0.8 * style.size))


def _markup(phrase: Phrase, style: Style) -> str:
    hyphenated = style.hyphenated and len(phrase) == 1
    return "".join(_marked(run, _text(run, style, hyphenated=hyphenated)) for run in phrase)


def _text(run: Run, style: Style, *, hyphenated: bool) -> str:
    text = escape(run.text)
    if style.ligatures and run.look is not Look.CODE:
        for letters, ligature in _LIGATURES:
            text = text.replace(letters, ligature)
    return _SYLLABLE.sub(_SOFT_HYPHEN, text) if hyphenated else text


def _marked(run: Run, text: str) -> str:
    match run.look:
        case Look.BOLD:
            return f"<b>{text}</b>"
        case Look.ITALIC:
            return f"<i>{text}</i>"
        case Look.CODE:
            return f'<font name="{MONO}">{text}</font>'
        case Look.RAISED | Look.NOTE:
            return f"<super>{text}</super>"
        case Look.LINK:
            return f'<a href="{run.target}" color="blue">{text}</a>'
        case Look.PLAIN:
            return text
