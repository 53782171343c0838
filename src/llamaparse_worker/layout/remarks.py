"""Comments and marked text of a page among its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.page import LaidOutPage, PageLink, RawPage, Remark


def with_marks(page: RawPage, remarks: Sequence[Remark]) -> RawPage:
    """Have the layout set marked text apart as it does with that of links."""
    marks = [PageLink(box, "", remark.mark) for remark in remarks if remark.mark for box in remark.lines]
    return replace(page, links=(*page.links, *marks))


def with_comments(page: LaidOutPage, remarks: Sequence[Remark]) -> LaidOutPage:
    """Quote each comment behind the block that it stands at."""
    comments: dict[int, list[Paragraph]] = {}
    for remark in remarks:
        if remark.text:
            middle = (remark.box.y0 + remark.box.y1) / 2
            at = min(range(len(page.blocks)), key=lambda index: _distance(page, index, middle), default=-1)
            said = " ".join(remark.text.split())
            by = f"Comment by {remark.author}" if remark.author else "Comment"
            comments.setdefault(at, []).append(Paragraph(f"{by}: {said}", remark.box, quoted=True, comment=True))
    if not comments:
        return page
    blocks = [*comments.get(-1, [])]
    made = [part for index, block in enumerate(page.blocks) for part in (block, *comments.get(index, ()))]
    return replace(page, blocks=(*blocks, *made))


def _distance(page: LaidOutPage, index: int, middle: float) -> float:
    box = page.blocks[index].box
    return max(box.y0 - middle, middle - box.y1, 0.0)
