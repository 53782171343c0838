"""A page of characters or of recognised words to a page in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np

from llamaparse_worker.layout.blocks import blocks
from llamaparse_worker.layout.contents import with_entries_joined
from llamaparse_worker.layout.continuation import joined_columns
from llamaparse_worker.layout.edges import at_edge, part
from llamaparse_worker.layout.grid import Grid, standing, table
from llamaparse_worker.layout.hyphens import with_divisions_marked
from llamaparse_worker.layout.layers import layers, with_rules
from llamaparse_worker.layout.line_numbers import with_line_numbers_joined
from llamaparse_worker.layout.lines import join
from llamaparse_worker.layout.links import with_links
from llamaparse_worker.layout.marks import with_marks_joined
from llamaparse_worker.layout.notes import with_notes_placed
from llamaparse_worker.layout.outline import with_bookmarks
from llamaparse_worker.layout.pictures import pictures, shown_in_picture, with_picture
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.layout.quality import text_layer_problem
from llamaparse_worker.layout.reading_order import flow_of, regions
from llamaparse_worker.layout.rules import Rules, page_rules
from llamaparse_worker.layout.segments import Segment, Style, segments
from llamaparse_worker.layout.skew import LEAST_SKEW, Skew
from llamaparse_worker.layout.spatial import spatial_text
from llamaparse_worker.layout.spreads import facing_pages
from llamaparse_worker.layout.stacks import ruled_tables
from llamaparse_worker.layout.tagged import is_usable, tagged_blocks
from llamaparse_worker.layout.upright import Part, parts
from llamaparse_worker.layout.words import confidence_of, with_words, without_characters, without_doubles
from llamaparse_worker.model.blocks import Block, Edge, Line, Paragraph, Side, Table
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, PageReason, RawPage
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.model.value import changed, quick

TEXT_LAYER = "text_layer"

_LEAST_EM = 4.0
_LEAST_CELLS = 6
_DEFAULTS = ParseOptions()


def lay_out(page: RawPage, options: ParseOptions = _DEFAULTS) -> LaidOutPage:
    """Arrange the text layer of a page: what reads in the direction of most of it, then what is written aside."""
    content, style = _content(page, options)
    problem = text_layer_problem(page)
    if problem is None and not (content.blocks or content.edges):
        problem = PageReason.NO_TEXT
    return _arranged(page, content, TEXT_LAYER, reason=problem, body_size=style.size)


def _content(page: RawPage, options: ParseOptions) -> tuple[_Content, Style]:
    main, *asides = parts(page)
    if main.diagonal:
        content, style = _Content(_diagonal(main.page), ()), Style(0.0, bold=False)
    else:
        content, style = _upright(main.page, options)
    if not main.frame.is_page:
        content = main.frame.all_back(content)
    if page.links:
        content = changed(content, blocks=with_links(content.blocks, page))
    if asides:
        beside = chain.from_iterable(map(_written_aside, asides))
        content = changed(content, blocks=(*content.blocks, *beside))
    return content, style


def _upright(page: RawPage, options: ParseOptions) -> tuple[_Content, Style]:
    rules = page_rules(page)
    found, style = segments(page, rules.upright)
    marked = with_divisions_marked(found)
    if page.element_table and is_usable(marked, page.element_table):
        content = _structured(marked, style, page, rules)
    else:
        content = _by_sight(marked, style, page, rules)
    return _placed(content, marked, options), style


def _placed(content: _Content, found: Sequence[Segment], options: ParseOptions) -> _Content:
    """Add the text as it stands on the page, if the job asks for it."""
    if not (options.do_not_unroll_columns or options.preserve_layout_alignment_across_pages):
        return content
    return changed(content, text=spatial_text(found, aligned=options.preserve_layout_alignment_across_pages))


def lay_out_words(page: RawPage, recognised: Recognition, options: ParseOptions = _DEFAULTS) -> LaidOutPage:
    """Arrange what an OCR engine read; no word at all gives a page with the reason ``no_text``."""
    words = recognised.words
    bare = without_characters(page)
    if abs(recognised.skew) < LEAST_SKEW:
        content, style = _recognised(bare, words, recognised.turn, options)
    else:
        skew = Skew(page.width, page.height, recognised.skew)
        content, style = _recognised(*skew.straight(bare, words), recognised.turn, options)
        content = skew.all_back(content)
    return _arranged(
        page,
        content,
        recognised.engine,
        reason=None if content.blocks or content.edges else PageReason.NO_TEXT,
        body_size=style.size,
        confidence=confidence_of(words),
    )


def _recognised(page: RawPage, words: tuple[Word, ...], turn: int, options: ParseOptions) -> tuple[_Content, Style]:
    """Arrange words whose lines are level; facing pages are read one after the other."""
    if turn:
        return _content(with_words(page, words, turn), options)
    (first, style), *others = [_content(with_words(*half), options) for half in facing_pages(page, words)]
    for content, _ in others:
        first = _Content(
            (*first.blocks, *content.blocks),
            tuple(_common_edges((*first.edges, *content.edges))),
            None if first.text is None or content.text is None else f"{first.text}\n{content.text}",
        )
    return first, style


def _common_edges(edges: Sequence[Edge]) -> Iterable[Edge]:
    for side in Side:
        if found := [edge for edge in edges if edge.side is side]:
            yield Edge(side, tuple(block for edge in found for block in edge.blocks))


def lay_out_with_words(page: RawPage, recognised: Recognition, options: ParseOptions = _DEFAULTS) -> LaidOutPage:
    """Arrange a text layer and the words of images on its page; words that it has already are left out."""
    new = without_doubles(recognised.words, page)
    joining, shown = pictures(new, page)
    made = replace(lay_out(with_words(page, joining), options), confidence=confidence_of(new))
    if not shown:
        return made
    found: Sequence[Block] = made.blocks
    for picture in shown:
        content, _ = _content(with_words(_nothing_on(page), picture.words), _DEFAULTS)
        at_edges = (block for edge in content.edges for block in edge.blocks)
        found = with_picture(found, picture.box, shown_in_picture((*content.blocks, *at_edges), picture.words))
    text = lay_out(with_words(page, new), options).text if made.text_is_placed else plain_text(found)
    return replace(made, blocks=tuple(found), text=text)


def _nothing_on(page: RawPage) -> RawPage:
    """Give the page without anything that could join the words of a picture on it."""
    return replace(without_characters(page), rules=b"", fills=b"", links=(), fields=(), bookmarks=())


@quick
@dataclass(frozen=True, slots=True)
class _Content:
    """The text of a page, and what stands apart from it at its edges."""

    blocks: tuple[Block, ...]
    edges: tuple[Edge, ...]
    text: str | None = None
    """All of it as it stands on the page; without it, reading order is enough."""


def _structured(found: Sequence[Segment], style: Style, page: RawPage, rules: Rules) -> _Content:
    """Arrange a tagged page by its structure; what this leaves out stands at the edges, or is not to be read."""
    made = tagged_blocks(found, page.element_table, style, lambda open_text: _blocks(open_text, style, rules))
    outside = [segment for segment in found if segment.owner < 0]
    top = [segment for segment in outside if segment.y1 < page.height / 2 and at_edge(segment, page.height)]
    bottom = [segment for segment in outside if segment.y0 > page.height / 2 and at_edge(segment, page.height)]
    edges = (
        Edge(Side.TOP, tuple(_blocks(top, style, rules)), certain=True),
        Edge(Side.BOTTOM, tuple(_blocks(bottom, style, rules)), certain=True),
    )
    return _Content(tuple(with_notes_placed(made)), tuple(edge for edge in edges if edge.blocks))


def _by_sight(found: Sequence[Segment], style: Style, page: RawPage, rules: Rules) -> _Content:
    """Arrange a page by where its text stands and how it looks."""
    upright = [segment for segment in found if not segment.sideways]
    parted = part(upright, page.height, max(style.size, _LEAST_EM))
    edges = (
        Edge(Side.TOP, tuple(_blocks(parted.top, style, rules))),
        Edge(Side.BOTTOM, tuple(_blocks(parted.bottom, style, rules))),
    )
    made: list[Block] = []
    for layer, drawn in with_rules(layers(parted.body), rules):
        made.extend(_blocks(layer, style, drawn))
    body = with_notes_placed(made)
    aside = _aside([segment for segment in found if segment.sideways])
    return _Content((*body, *aside), tuple(edge for edge in edges if edge.blocks))


def _blocks(found: Sequence[Segment], style: Style, rules: Rules) -> list[Block]:
    if not found:
        return []
    if len(found) == 1:  # as at most edges of pages
        return blocks(flow_of(found), style)
    whole = with_entries_joined(with_marks_joined(found))
    grids, rest = ruled_tables(rules, whole, max(style.size, _LEAST_EM))
    rest = with_line_numbers_joined(rest)
    found_regions = regions([*rest, *(standing(grid, style.size) for grid in grids)], style.size)
    return joined_columns(
        [[table(region, style.look)] if isinstance(region, Grid) else blocks(region, style) for region in found_regions]
    )


def _aside(found: Sequence[Segment]) -> list[Block]:
    """Give text that is written sideways, such as a stamp in the margin, apart from what it stands beside."""
    if not found:
        return []
    lines = [join([segment]) for segment in found]
    box = enclosing(line.box for line in lines)
    return [Paragraph(" ".join(line.text for line in lines), box, tuple(line.line for line in lines))]


def _written_aside(part: Part) -> tuple[Block, ...]:
    """Give text in another direction than most: a table if it is one, or else one text."""
    if part.diagonal:
        return _diagonal(part.page)
    found, style = segments(part.page)
    made = _blocks(found, style, Rules()) if len(found) >= _LEAST_CELLS else []
    return tuple(part.frame.all_back(tuple(made if any(isinstance(one, Table) for one in made) else _aside(found))))


def _diagonal(page: RawPage) -> tuple[Block, ...]:
    """Give text that runs across the page, such as a watermark, in the order of the file."""
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    text = " ".join(page.text.split())
    x0, y0 = boxes[:, :2].min(axis=0).tolist()
    x1, y1 = boxes[:, 2:].max(axis=0).tolist()
    box = Box(max(0.0, round(x0, 2)), max(0.0, round(y0, 2)), round(x1, 2), round(y1, 2))
    return (Paragraph(text, box, (Line(text, box),)),) if text else ()


def _named(content: _Content, page: RawPage, body_size: float) -> _Content:
    """Take the titles of the outline for headings, those in the text before those at the edges."""
    blocks = [*content.blocks, *(block for edge in content.edges for block in edge.blocks)]
    in_text, at_edges = with_bookmarks(blocks, page.bookmarks, body_size, in_text=len(content.blocks))
    left = iter(at_edges)
    edges = tuple(changed(edge, blocks=tuple(islice(left, len(edge.blocks)))) for edge in content.edges)
    return changed(content, blocks=in_text, edges=edges)


def _arranged(
    page: RawPage,
    content: _Content,
    engine: str,
    *,
    reason: PageReason | None,
    body_size: float,
    confidence: float | None = None,
) -> LaidOutPage:
    if page.bookmarks:
        content = _named(content, page, body_size)
    return LaidOutPage(
        number=page.number,
        width=page.width,
        height=page.height,
        rotation=page.rotation,
        blocks=content.blocks,
        text=plain_text(content.blocks) if content.text is None else content.text,
        text_is_placed=content.text is not None,
        engine=engine,
        reason=reason,
        confidence=confidence,
        body_size=body_size,
        images=page.images,
        images_left_out=page.images_left_out,
        fields=page.fields,
        edges=content.edges,
    )
