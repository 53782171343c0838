"""Where the saved images of a page belong among its text, and the Markdown that shows them there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from llamaparse_worker.layout.captions import is_caption
from llamaparse_worker.layout.markdown import together
from llamaparse_worker.layout.selection import is_within
from llamaparse_worker.model.blocks import Block, Heading, Paragraph
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import Figure, PageImage
from llamaparse_worker.model.options import ImageKind
from llamaparse_worker.model.page import ParsedPage

_CAPTION_GAP = 48.0
"""Points between an image and its caption."""
_BACKGROUND = 0.9
"""Share of a page that only a picture of the page, or one behind its text, covers."""


def with_figures(page: ParsedPage, *, inline: bool = True) -> ParsedPage:
    """Give the page with its saved images, each at its place and with its caption; screenshots are none.

    With ``inline`` they stand in the Markdown too, the caption as alternative text.
    """
    figures = tuple(sorted(_figures(page), key=lambda figure: (figure.before, figure.box.y0, figure.box.x0)))
    if not figures:
        return page
    return replace(page, figures=figures, markdown=_markdown(page, figures) if inline else page.markdown)


def figure_markdown(figure: Figure) -> str:
    """Give the Markdown of one image."""
    caption = re.sub(r"([\\\[\]])", r"\\\1", " ".join(figure.caption.split()))
    return f"![{caption}]({figure.name})"


def _figures(page: ParsedPage) -> Iterator[Figure]:
    regions = [image.box for image in page.images if image.kind is ImageKind.LAYOUT]
    for image in page.images:
        if image.kind is ImageKind.SCREENSHOT:
            continue
        if image.kind is ImageKind.EMBEDDED and (_is_background(image, page) or _is_within_any(image.box, regions)):
            continue
        caption = _caption(image.box, page.blocks)
        place = _place(image.box, page.blocks) if caption is None else caption.before
        yield Figure(image.name, image.box, place, caption.text if caption else "")


def _is_background(image: PageImage, page: ParsedPage) -> bool:
    return bool(page.blocks) and image.box.width * image.box.height > _BACKGROUND * page.width * page.height


def _is_within_any(box: Box, regions: Sequence[Box]) -> bool:
    """Tell whether an image is shown as part of a figure already."""
    return any(is_within(box, region) for region in regions)


@dataclass(frozen=True, slots=True)
class _Caption:
    text: str
    before: int
    """Index of the block that the image stands before."""


def _caption(box: Box, blocks: Sequence[Block]) -> _Caption | None:
    """Find the nearest caption under an image, or else above it."""
    near = [
        (_middle(block.box) < _middle(box), gap, at, block.text)
        for at, block in enumerate(blocks)
        if isinstance(block, Paragraph | Heading) and is_caption(block.text) and _beside(block.box, box)
        if (gap := max(block.box.y0 - box.y1, box.y0 - block.box.y1)) < _CAPTION_GAP
    ]
    if not near:
        return None
    above, _, at, text = min(near)
    return _Caption(text, at + above)


def _place(box: Box, blocks: Sequence[Block]) -> int:
    """Find the block that an image stands before: its first label, or the first block below it in its column.

    Without any it follows those above.
    """
    labels = [at for at, block in enumerate(blocks) if is_within(block.box, box)]
    if labels:
        return labels[0]
    middle = _middle(box)
    last = 0
    for at, block in enumerate(blocks):
        if not _beside(block.box, box):
            continue
        if _middle(block.box) > middle:
            return at
        last = at + 1
    return last or len(blocks)


def _middle(box: Box) -> float:
    return (box.y0 + box.y1) / 2


def _beside(one: Box, other: Box) -> bool:
    """Tell whether something stands above or below something else."""
    return one.x0 < other.x1 and other.x0 < one.x1


def _markdown(page: ParsedPage, figures: Sequence[Figure]) -> str:
    parts: list[str] = []
    done = 0
    for figure in figures:
        before = slice(done, figure.before)
        parts.extend((together(page.blocks[before], page.block_markdown[before]), figure_markdown(figure)))
        done = figure.before
    return "\n\n".join(filter(None, (*parts, together(page.blocks[done:], page.block_markdown[done:]))))
