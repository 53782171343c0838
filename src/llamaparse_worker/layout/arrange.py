"""A page of characters or of recognised words to a page in reading order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llamaparse_worker.layout.blocks import blocks
from llamaparse_worker.layout.grid import Grid, standing, table
from llamaparse_worker.layout.hyphens import with_divisions_marked
from llamaparse_worker.layout.lines import join
from llamaparse_worker.layout.marks import with_marks_joined
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.layout.reading_order import regions
from llamaparse_worker.layout.rules import Rules, page_rules
from llamaparse_worker.layout.segments import Segment, Style, segments
from llamaparse_worker.layout.stacks import ruled_tables
from llamaparse_worker.layout.tagged import is_usable, tagged_blocks
from llamaparse_worker.layout.upright import parts
from llamaparse_worker.layout.words import style_of, word_segments
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.page import Block, LaidOutPage, Line, PageReason, Paragraph, RawPage, Word

TEXT_LAYER = "text_layer"

_LEAST_EM = 4.0


def lay_out(page: RawPage) -> LaidOutPage:
    """Arrange the text layer of a page: what reads in the direction of most of it, then what is written aside."""
    main, *asides = parts(page)
    made, style = _upright_blocks(main.page)
    if not main.frame.is_page:
        made = main.frame.all_back(made)
    for aside in asides:
        made += (
            _diagonal(aside.page) if aside.diagonal else tuple(aside.frame.all_back(_aside(segments(aside.page)[0])))
        )
    reason = None if made else PageReason.NO_TEXT if page.drawn else PageReason.BLANK
    return _arranged(page, made, TEXT_LAYER, reason=reason, body_size=style.size)


def _upright_blocks(page: RawPage) -> tuple[tuple[Block, ...], Style]:
    rules = page_rules(page)
    found, style = segments(page, rules.upright)
    made = _structured(found, style, page, rules) if page.element_table else _blocks(found, style, rules)
    return made, style


def lay_out_words(page: RawPage, words: Sequence[Word], engine: str) -> LaidOutPage:
    """Arrange what an OCR engine read; no word at all gives a page with the reason ``no_text``."""
    found = word_segments(words)
    style = style_of(found)
    characters = sum(len(word.text) for word in words)
    confidence = sum(word.confidence * len(word.text) for word in words) / characters if characters else None
    return _arranged(
        page,
        _blocks(found, style, page_rules(page)),
        engine,
        reason=None if found else PageReason.NO_TEXT,
        body_size=style.size,
        confidence=None if confidence is None else round(confidence, 4),
    )


def _structured(found: Sequence[Segment], style: Style, page: RawPage, rules: Rules) -> tuple[Block, ...]:
    """Arrange a tagged page by its structure, if that is worth it."""
    if not is_usable(found, page.element_table):
        return _blocks(found, style, rules)
    marked = with_divisions_marked(found)
    return tuple(tagged_blocks(marked, page.element_table, style, lambda part: _blocks(part, style, rules)))


def _blocks(found: Sequence[Segment], style: Style, rules: Rules) -> tuple[Block, ...]:
    made: list[Block] = []
    upright = with_divisions_marked([segment for segment in found if not segment.sideways])
    grids, rest = ruled_tables(rules, with_marks_joined(upright), max(style.size, _LEAST_EM))
    for region in regions([*rest, *(standing(grid, style.size) for grid in grids)], style.size):
        if isinstance(region, Grid):
            made.append(table(region))
        else:
            made.extend(blocks(region.lines, style))
    made.extend(_aside([segment for segment in found if segment.sideways]))
    return tuple(made)


def _aside(found: Sequence[Segment]) -> list[Block]:
    """Give text that is written sideways, such as a stamp in the margin, apart from what it stands beside."""
    if not found:
        return []
    lines = [join([segment]) for segment in found]
    box = enclosing(line.box for line in lines)
    return [Paragraph(" ".join(line.text for line in lines), box, tuple(line.line for line in lines))]


def _diagonal(page: RawPage) -> tuple[Block, ...]:
    """Give text that runs across the page, such as a watermark, in the order of the file."""
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    text = " ".join(page.text.split())
    x0, y0 = boxes[:, :2].min(axis=0).tolist()
    x1, y1 = boxes[:, 2:].max(axis=0).tolist()
    box = Box(max(0.0, round(x0, 2)), max(0.0, round(y0, 2)), round(x1, 2), round(y1, 2))
    return (Paragraph(text, box, (Line(text, box),)),) if text else ()


def _arranged(
    page: RawPage,
    made: tuple[Block, ...],
    engine: str,
    *,
    reason: PageReason | None,
    body_size: float,
    confidence: float | None = None,
) -> LaidOutPage:
    return LaidOutPage(
        number=page.number,
        width=page.width,
        height=page.height,
        rotation=page.rotation,
        blocks=made,
        text=plain_text(made),
        engine=engine,
        reason=reason,
        confidence=confidence,
        body_size=body_size,
    )
