"""Lines of one column to headings, paragraphs, lists and code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from llamaparse_worker.layout.grouping import TITLE, Column, Group, Kind, column_of, groups_of, weight_of
from llamaparse_worker.layout.headings import COLONS, SLANTED, is_large, is_sentence, run_in
from llamaparse_worker.layout.inline import Inline, closed_up, inline
from llamaparse_worker.layout.lines import TextLine, carried
from llamaparse_worker.layout.marks import is_bullet
from llamaparse_worker.layout.programs import code_text
from llamaparse_worker.layout.reading_order import Flow
from llamaparse_worker.layout.segments import Style
from llamaparse_worker.model.blocks import Block, CodeBlock, Footnote, Heading, ListBlock, ListItem, Paragraph, SpanKind
from llamaparse_worker.model.geometry import Box, enclosing

_VERSION = re.compile(r"\d+(?:\.\d+){1,3}")
_HEADING_LINES = 3
_HEADING_CHARACTERS = 200
_BOLD_HEADING_CHARACTERS = 100


def blocks(flow: Flow, style: Style) -> list[Block]:
    """Give the blocks of one column from top to bottom."""
    if not flow.lines:
        return []
    column = column_of(flow)
    found: list[Block] = []
    for kind, groups in groupby(groups_of(flow.lines, style, column), attrgetter("kind")):
        if kind is Kind.TEXT:
            for group in groups:
                found.extend(_block(group, style, column))
        else:
            found.append(_list(list(groups), style))
    return _without_names(found, style)


def _without_names(found: Sequence[Block], style: Style) -> list[Block]:
    """Take what follows upon its like for the names below a title: headings of one kind have text between them."""
    plain = [isinstance(block, Heading) and not block.prominence and block.size < TITLE * style.size for block in found]
    if not any(plain):  # as in most columns
        return list(found)
    made: list[Block] = []
    for index, block in enumerate(found):
        beside = [at for at in (index - 1, index + 1) if 0 <= at < len(found) and plain[at]]
        if plain[index] and isinstance(block, Heading) and any(_alike(block, found[at]) for at in beside):
            made.append(Paragraph(block.text, block.box, block.lines, block.spans))
        else:
            made.append(block)
    return made


def _alike(heading: Heading, other: Block) -> bool:
    return isinstance(other, Heading) and abs(heading.size - other.size) < 1


def _block(group: Group, style: Style, column: Column) -> list[Block]:
    lines = group.lines
    box = enclosing(lines)
    if lines[0].monospaced and all(line.monospaced for line in lines) and not is_large(lines[0], style):
        return [CodeBlock(code_text(lines), box)]
    held = carried(lines)
    rich, is_rich = group.rich(), group.is_rich
    parted = run_in(rich) if is_rich else None
    if parted is not None and not group.note:
        title, rest = (inline(closed_up(part), style.look) for part in parted)
        text = Paragraph(rest.text, box, held, rest.spans)
        return [heading(Inline(title.text), lines[:1], prominence=SLANTED), text]
    found = inline(closed_up(rich), style.look) if is_rich else Inline(rich)
    if group.note:
        return [Footnote(group.note, found.text, box, held, found.spans)]
    if _is_heading(found.text, lines, style, column):
        return [heading(found, lines, prominence=weight_of(lines[0], style, column))]
    return [Paragraph(found.text, box, held, found.spans)]


def heading(text: Inline, lines: Sequence[TextLine], *, level: int = 0, prominence: int = 0) -> Heading:
    """Make a heading; that all of it is bold or in italics is no news."""
    kept = tuple(
        span
        for span in text.spans
        if span.kind is SpanKind.CODE or (span.kind is SpanKind.EMPHASIS and span.end - span.start < len(text.text))
    )
    return Heading(text.text, enclosing(lines), lines[0].size, level, carried(lines), kept, prominence)


def _is_heading(text: str, lines: Sequence[TextLine], style: Style, column: Column) -> bool:
    if len(lines) > _HEADING_LINES or len(text) > _HEADING_CHARACTERS or not _has_name(text):
        return False
    if is_large(lines[0], style):
        return True
    outstanding = weight_of(lines[0], style, column) > 0
    return outstanding and len(text) <= _BOLD_HEADING_CHARACTERS and not (is_sentence(text) or text.endswith(COLONS))


def _has_name(text: str) -> bool:
    """Tell whether a text names anything: it has letters, or is the number of a version."""
    return any(map(str.isalpha, text)) or _VERSION.fullmatch(text) is not None


def _list(items: Sequence[Group], style: Style) -> Block:
    """Make one list of consecutive items; what is further right is deeper."""
    places = _steps([item.lines[0].x0 for item in items], items[0].lines[0].size)
    texts = [inline(closed_up(item.rich()), style.look) if item.is_rich else Inline(item.rich()) for item in items]
    made = tuple(
        ListItem(
            found.text,
            _box(item),
            depth=sum(place < item.lines[0].x0 - 0.5 * item.lines[0].size for place in places),
            mark=item.mark,
            spans=found.spans,
        )
        for item, found in zip(items, texts, strict=True)
    )
    ordered = bool(items[0].mark) and not is_bullet(items[0].mark)
    return ListBlock(made, enclosing(item.box for item in made), ordered=ordered)


def _box(item: Group) -> Box:
    return enclosing(item.lines)


def _steps(places: Sequence[float], size: float) -> list[float]:
    """Give the distinct left edges among items."""
    steps: list[float] = []
    for place in sorted(places):
        if not steps or place - steps[-1] > size / 2:
            steps.append(place)
    return steps
