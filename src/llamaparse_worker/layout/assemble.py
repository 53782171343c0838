"""Pages to parts of one document: what only all pages together can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llamaparse_worker.layout.continuation import continued, last_running
from llamaparse_worker.layout.continued import MOST_PAGES_OF_TABLE, continues_table, with_whole_tables
from llamaparse_worker.layout.edges import EdgeSign, RunningHeads, edge_signs, running_heads
from llamaparse_worker.layout.headings import (
    COLONS,
    HeadingSign,
    heading_evidence,
    heading_levels,
    heading_sign,
    is_sentence,
)
from llamaparse_worker.layout.markdown import block_markdown, together
from llamaparse_worker.layout.outline import LevelScheme, level_scheme
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.layout.table_markup import FITTING
from llamaparse_worker.model.blocks import Block, Edge, Heading, ListBlock, Paragraph, Side
from llamaparse_worker.model.options import TableOptions
from llamaparse_worker.model.page import FailedPage, LaidOutPage, ParsedPage
from llamaparse_worker.model.value import changed, quick

_BODY_STEP = 1.04


@quick
@dataclass(frozen=True, slots=True)
class PageSigns:
    """What a page contributes to what is known of the document."""

    headings: tuple[HeadingSign, ...] = ()
    edges: tuple[EdgeSign, ...] = ()
    body_size: float = 0.0
    characters: int = 0
    """Characters of running text."""


@dataclass(frozen=True, slots=True)
class DocumentSigns:
    """What all pages together tell."""

    levels: LevelScheme
    heads: RunningHeads
    body_size: float
    fixed_levels: bool
    """Whether the document itself names its headings."""


def page_signs(page: LaidOutPage) -> PageSigns:
    """Give what a page contributes."""
    signs = tuple(heading_sign(block) for block in page.blocks if isinstance(block, Heading))
    characters = sum(_length(block) for block in page.blocks)
    return PageSigns(signs, edge_signs(page), page.body_size, characters)


def _length(block: Block) -> int:
    match block:
        case Paragraph():
            return len(block.text)
        case ListBlock():
            return sum(len(item.text) for item in block.items)
        case _:
            return 0


def document_signs(pages: Iterable[PageSigns]) -> DocumentSigns:
    """Put together what all pages of a document contribute."""
    known = list(pages)
    sizes: Counter[float] = Counter()
    for page in known:
        sizes[round(page.body_size * 2) / 2] += page.characters
    body_size = max(sizes.items(), key=lambda item: (item[1], item[0]), default=(0.0, 0))[0]
    heads = running_heads(edge for page in known for edge in page.edges)
    signs = [sign for page in known for sign in _headings(page, heads)]
    outstanding = [sign for sign in signs if _stands_out(sign, body_size)]
    levels = heading_levels(filter(heading_evidence(outstanding).includes, outstanding))
    return DocumentSigns(level_scheme(levels, signs), heads, body_size, any(sign.level for sign in signs))


def _headings(page: PageSigns, heads: RunningHeads) -> Iterator[HeadingSign]:
    at_edges = {edge.side: edge.headings for edge in page.edges if (edge.page, edge.side) not in heads.edges}
    yield from at_edges.get(Side.TOP, ())
    yield from page.headings
    yield from at_edges.get(Side.BOTTOM, ())


def _stands_out(sign: HeadingSign, body_size: float) -> bool:
    return sign.prominence > 0 or sign.size > _BODY_STEP * body_size


def finish(
    pages: Iterable[LaidOutPage | FailedPage], document: DocumentSigns, tables: TableOptions = FITTING
) -> Iterator[ParsedPage | FailedPage]:
    """Settle what is open on each page, in order, and make its Markdown.

    A paragraph or table that goes on overleaf is given whole on the page where it begins, in the plain text too.
    """
    held: list[LaidOutPage] = []
    for page in pages:
        if isinstance(page, FailedPage):
            yield from _parsed_all(held, document, tables)
            held = []
            yield page
            continue
        ready = settled(page, document)
        if held and tables.merge_continued and continues_table(held[-1], ready) and len(held) < MOST_PAGES_OF_TABLE:
            held.append(ready)
            continue
        done, held = held, [ready]
        if done:
            done[-1], held[0] = _joined(done[-1], held[0])
        yield from _parsed_all(done, document, tables)
    yield from _parsed_all(held, document, tables)


def _parsed_all(pages: list[LaidOutPage], document: DocumentSigns, tables: TableOptions) -> Iterator[ParsedPage]:
    for page in with_whole_tables(pages):
        yield _parsed(page, document, tables)


def settled(page: LaidOutPage, document: DocumentSigns) -> LaidOutPage:
    """Put back to the text what is no running head, and settle the levels of headings."""
    before: list[Block] = []
    after: list[Block] = []
    kept: list[Edge] = []
    for edge in page.edges:
        if (page.number, edge.side) in document.heads.edges:
            kept.append(edge)
        else:
            (before if edge.side is Side.TOP else after).extend(edge.blocks)
    blocks = tuple(_levelled(block, document) for block in (*before, *page.blocks, *after))
    return changed(page, blocks=blocks, edges=tuple(kept))


def _joined(page: LaidOutPage, following: LaidOutPage) -> tuple[LaidOutPage, LaidOutPage]:
    at = last_running(page.blocks)
    if at is None or not following.blocks or following.number != page.number + 1:
        return page, following
    block = continued(page.blocks[at], following.blocks[0])
    if block is None:
        return page, following
    blocks = (*page.blocks[:at], block, *page.blocks[at + 1 :])
    return changed(page, blocks=blocks), changed(following, blocks=following.blocks[1:])


def _parsed(page: LaidOutPage, document: DocumentSigns, tables: TableOptions) -> ParsedPage:
    edges = {edge.side: edge.blocks for edge in page.edges}
    made = tuple(block_markdown(block, tables) for block in page.blocks)
    return ParsedPage(
        number=page.number,
        width=page.width,
        height=page.height,
        rotation=page.rotation,
        blocks=page.blocks,
        text=page.text if page.text_is_placed else plain_text(page.blocks),
        markdown=together(page.blocks, made),
        block_markdown=made,
        engine=page.engine,
        reason=page.reason,
        confidence=page.confidence,
        images=page.images,
        images_left_out=page.images_left_out,
        fields=page.fields,
        refinement=page.refinement,
        words=page.words,
        lines=page.lines,
        hidden=page.hidden,
        header=edges.get(Side.TOP, ()),
        footer=edges.get(Side.BOTTOM, ()),
        printed_number=document.heads.numbers.get(page.number),
    )


def _levelled(block: Block, document: DocumentSigns) -> Block:
    if not isinstance(block, Heading) or block.level:
        return block
    sign = heading_sign(block)
    level = document.levels.level(sign)
    open_end = (
        not sign.outline
        and sign.size <= _BODY_STEP * document.body_size
        and (is_sentence(block.text) or block.text.endswith(COLONS))
    )
    if document.fixed_levels or level is None or open_end:
        return Paragraph(block.text, block.box, block.lines, block.spans)
    return changed(block, level=level)
