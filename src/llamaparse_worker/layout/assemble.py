"""Pages to parts of one document: what only all pages together can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from llamaparse_worker.layout.markdown import markdown
from llamaparse_worker.model.page import Block, Heading, LaidOutPage, ParsedPage

HeadingLevels = Mapping[float, int]

DEEPEST_LEVEL = 6


def heading_sizes(page: LaidOutPage) -> tuple[float, ...]:
    """Give the rounded font sizes of a page's headings whose level is open."""
    return tuple(_rounded(block.size) for block in page.blocks if isinstance(block, Heading) and not block.level)


def heading_levels(sizes: Iterable[float]) -> HeadingLevels:
    """Rank the sizes of all headings of a document: the largest is level 1, the sixth and smaller are level 6."""
    ranked = sorted(set(sizes), reverse=True)
    return {size: min(rank, DEEPEST_LEVEL) for rank, size in enumerate(ranked, 1)}


def finish(page: LaidOutPage, levels: HeadingLevels) -> ParsedPage:
    """Settle the levels of a page's headings and make its Markdown."""
    blocks = tuple(_levelled(block, levels) for block in page.blocks)
    return ParsedPage(
        number=page.number,
        width=page.width,
        height=page.height,
        rotation=page.rotation,
        blocks=blocks,
        text=page.text,
        markdown=markdown(blocks),
        engine=page.engine,
        reason=page.reason,
        confidence=page.confidence,
    )


def _levelled(block: Block, levels: HeadingLevels) -> Block:
    if not isinstance(block, Heading) or block.level:
        return block
    return replace(block, level=levels.get(_rounded(block.size), DEEPEST_LEVEL))


def _rounded(size: float) -> float:
    return round(size * 2) / 2
