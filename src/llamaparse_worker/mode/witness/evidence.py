"""What a page itself says: the reading of its text layer or of OCR, against which an answer is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from llamaparse_worker.mode.witness.alignment import UNPAIRED, align
from llamaparse_worker.mode.witness.tokens import Duty, Piece, Tokens, tokens_of
from llamaparse_worker.model.blocks import (
    Block,
    CodeBlock,
    Footnote,
    Heading,
    Line,
    ListBlock,
    Paragraph,
    Side,
    Span,
    SpanKind,
    Table,
)
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, PageReason
from llamaparse_worker.model.recognition import Word
from llamaparse_worker.model.value import unguarded

_RAISED = (SpanKind.SUPERSCRIPT, SpanKind.FOOTNOTE)
_UNREADABLE = frozenset({PageReason.GARBLED, PageReason.VECTOR_TEXT, PageReason.NO_TEXT, PageReason.SCANNED})
"""Why a text layer says nothing; a page that OCR has read has no such reason left."""
_MARGIN = 0.075
"""Share of the height at the top and bottom where a line may be a running head that the layout did not know for one."""


class Source(StrEnum):
    """Who read the page."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    NOBODY = "nobody"
    """There is nothing to judge an answer by."""


@unguarded
@dataclass(frozen=True, slots=True)
class Stand:
    """Where a part of a page stands: around what, in which table and row from 0, and how sure its reader is."""

    box: Box | None = None
    """Of the word where it is known, else of its line or cell."""
    block: Box | None = None
    """Of all that it is part of."""
    table: int | None = None
    row: int | None = None
    column: int | None = None
    confidence: float = 1.0


@dataclass(frozen=True)
class Evidence:
    """The text of a page in its own order, with tables and places."""

    source: Source
    tokens: Tokens[Stand]
    stands: tuple[Stand, ...]
    """Of each token."""
    rows: int
    """How many rows the tables have that were found."""
    targets: frozenset[str]
    """Where links lead."""


def evidence_of(page: LaidOutPage) -> Evidence:
    """Take what a page says from its reading.

    Places are those of ``page.words`` where the page has them, and else parts of lines and cells.
    """
    source = _source(page)
    found = list(_pieces(page))
    tokens = tokens_of(found)
    words = page.words or tuple(_words_of_lines(page))
    boxed = tokens_of(Piece(word.text, word) for word in words)
    paired = align(tokens, boxed)
    boxes = boxed.places
    stands = [
        stand if place == UNPAIRED else _at_word(stand, boxes[place])
        for stand, place in zip(tokens.places, paired.to_page, strict=True)
    ]
    # What the layout left out is no duty, yet an answer may have seen it.
    left_out = zip(boxed.all, boxes, paired.to_answer, strict=True) if page.words else ()
    extra = [(token.key, word) for token, word, place in left_out if place == UNPAIRED]
    pieces = [*found, *(Piece(key, Stand(word.box, confidence=word.confidence), Duty.ASIDE) for key, word in extra)]
    stands += [Stand(word.box, confidence=word.confidence) for _, word in extra]
    if source is Source.OCR and not page.words:
        stands = [replace(stand, confidence=page.confidence or 1.0) for stand in stands]
    rows = {(piece.place.table, piece.place.row) for piece in found if piece.duty is Duty.EXACT}
    return Evidence(
        source,
        tokens_of(pieces) if extra else tokens,
        tuple(stands),
        len({row for row in rows if row[0] is not None}),
        frozenset(_targets(page)),
    )


def _source(page: LaidOutPage) -> Source:
    if page.reason in _UNREADABLE:
        return Source.NOBODY
    # An engine of OCR always gives a confidence, for words of pictures on a page with a text layer too.
    return Source.TEXT_LAYER if page.confidence is None or page.engine == "text_layer" else Source.OCR


def _at_word(stand: Stand, word: Word) -> Stand:
    return Stand(word.box, stand.block, stand.table, stand.row, stand.column, word.confidence)


def _pieces(page: LaidOutPage) -> Iterator[Piece[Stand]]:
    """Give the text in order: what is at the edges may be a running head, which is no duty."""
    yield from _edges(page, Side.TOP)
    tables = 0
    head: tuple[str, ...] = ()
    for block in page.blocks:
        if _in_margin(block.box, page):
            yield from _aside(_block(block))
        elif isinstance(block, Table) and block.rows:
            # A table that goes on in the next column has its head there again.
            yield from _cells(block, tables, again=set(block.rows[0]) <= set(head))
            head = block.rows[0]
            tables += 1
        else:
            yield from _block(block)
    yield from _edges(page, Side.BOTTOM)
    for field in page.fields:
        yield Piece(field.value, Stand(), Duty.ASIDE)


def _edges(page: LaidOutPage, side: Side) -> Iterator[Piece[Stand]]:
    for edge in page.edges:
        if edge.side is side:
            for block in edge.blocks:
                yield from _aside(_block(block))


def _in_margin(box: Box, page: LaidOutPage) -> bool:
    return box.y1 < _MARGIN * page.height or box.y0 > (1 - _MARGIN) * page.height


def _aside(pieces: Iterator[Piece[Stand]]) -> Iterator[Piece[Stand]]:
    return (replace(piece, duty=Duty.ASIDE) for piece in pieces)


def _block(block: Block) -> Iterator[Piece[Stand]]:
    stand = Stand(block.box, block.box)
    match block:
        case Heading():
            yield from _marked(block.text, block.spans, stand)
        case Paragraph():
            made = _marked(block.text, block.spans, stand)
            yield from _aside(made) if block.comment else made
        case ListBlock():
            for item in block.items:
                yield Piece(item.mark, Stand(item.box, block.box), Duty.FREE)
                yield from _marked(item.text, item.spans, Stand(item.box, block.box))
        case Table():
            yield from _cells(block, None)
        case Footnote():
            yield Piece(block.label, stand, Duty.OPTIONAL)
            yield from _marked(block.text, block.spans, stand)
        case CodeBlock():
            yield Piece(block.text, stand)


def _cells(table: Table, number: int | None, *, again: bool = False) -> Iterator[Piece[Stand]]:
    """Give the cells of a table; ``again`` says that its head has been given before."""
    cells = {(cell.row, cell.column): cell for cell in table.cells}
    for row, texts in enumerate(table.rows):
        for column, text in enumerate(texts):
            cell = cells.get((row, column))
            stand = Stand(cell.box if cell else None, table.box, number, row, column)
            made = _marked(text, cell.spans if cell else (), stand)
            yield from _aside(made) if again and row == 0 else made


def _marked(text: str, spans: tuple[Span, ...], stand: Stand) -> Iterator[Piece[Stand]]:
    """Part raised characters from what they follow: they may be the mark of a note."""
    at = 0
    for span in spans:
        if span.kind in _RAISED and at <= span.start < span.end:
            yield Piece(text[at : span.start], stand, joins=False)
            yield Piece(text[span.start : span.end], stand, Duty.OPTIONAL)
            at = span.end
    yield Piece(text[at:], stand)


def _words_of_lines(page: LaidOutPage) -> Iterator[Word]:
    """Give words with boxes as if all characters of a line were of one width."""
    blocks = (*page.blocks, *(block for edge in page.edges for block in edge.blocks))
    for block in blocks:
        match block:
            case Table():
                for cell in block.cells:
                    if cell.box is not None and cell.page is None:
                        yield Word(block.rows[cell.row][cell.column], cell.box)
            case Heading() | Paragraph() | Footnote():
                for line in block.lines:
                    yield from _words_of_line(line)
            case _:
                pass


def _words_of_line(line: Line) -> Iterator[Word]:
    step = line.box.width / max(1, len(line.text))
    at = 0
    for part in line.text.split(" "):
        x0 = line.box.x0 + at * step
        yield Word(part, Box(x0, line.box.y0, x0 + len(part) * step, line.box.y1))
        at += len(part) + 1


def _targets(page: LaidOutPage) -> Iterator[str]:
    for block in (*page.blocks, *(block for edge in page.edges for block in edge.blocks)):
        match block:
            case ListBlock():
                spans = [span for item in block.items for span in item.spans]
            case Table():
                spans = [span for cell in block.cells for span in cell.spans]
            case CodeBlock():
                spans = []
            case _:
                spans = list(block.spans)
        yield from (span.target for span in spans if span.kind is SpanKind.LINK)
