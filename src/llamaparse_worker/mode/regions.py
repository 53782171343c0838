"""Where an answer is wrong: chunks of it, and the parts of the page that show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.mode.checks import Evidence, Finding, Severity, boxes_of
from llamaparse_worker.mode.markdown import Chunk, blocks_of, chunks_of, with_chunk
from llamaparse_worker.mode.placing import texts_of, whole
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.page import LaidOutPage

_MOST_REGIONS = 3
_MOST_OF_THE_PAGE = 0.6
"""Share of the page from which on it is as well to look at all of it."""
_MARGIN = 12.0
"""Points around a region: lines above and below show how it goes on."""


@dataclass(frozen=True, slots=True)
class Region:
    """Lines ``start`` to ``end`` of an answer, where the page shows the same, and what is wrong there."""

    start: int
    end: int
    markdown: str
    box: Box
    faults: tuple[str, ...]


def regions_of(markdown: str, findings: Sequence[Finding], page: LaidOutPage, evidence: Evidence) -> tuple[Region, ...]:
    """Give where an answer is wrong; nothing where that is no matter of a few places."""
    chunks = chunks_of(markdown)
    boxes = [_box(chunk, page, evidence) for chunk in chunks]
    faults: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.severity is Severity.ERROR:
            at = _chunk_of(finding, chunks, boxes)
            if at is None:
                return ()
            faults.setdefault(at, []).append(finding)
    found: list[Region] = []
    for first, last in _runs(sorted(faults)):
        told = [finding for at in range(first, last + 1) for finding in faults[at]]
        around = [box for box in (*boxes[first : last + 1], *(finding.box for finding in told)) if box is not None]
        if not around:
            return ()
        start, end = chunks[first].start, chunks[last].end
        text = "\n".join(markdown.split("\n")[start:end])
        sentences = tuple(finding.sentence for finding in told)
        found.append(Region(start, end, text, _padded(enclosing(around), page), sentences))
    shown = sum(region.box.width * region.box.height for region in found)
    too_much = len(found) > _MOST_REGIONS or shown > _MOST_OF_THE_PAGE * page.width * page.height
    return () if too_much else tuple(found)


def mended(markdown: str, regions: Sequence[Region], better: Sequence[str]) -> str:
    """Give an answer with other Markdown for its regions."""
    for region, text in sorted(zip(regions, better, strict=True), key=lambda pair: -pair[0].start):
        markdown = with_chunk(markdown, region.start, region.end, text)
    return markdown


def _box(chunk: Chunk, page: LaidOutPage, evidence: Evidence) -> Box | None:
    texts = [text for block in blocks_of(chunk.markdown, whole(page)) for text in texts_of(block)]
    boxes = [box for found in boxes_of(texts, evidence) for box in found]
    return enclosing(boxes) if boxes else None


def _chunk_of(finding: Finding, chunks: Sequence[Chunk], boxes: Sequence[Box | None]) -> int | None:
    """Give the chunk that a finding speaks of: by its line, or else the one nearest on the page."""
    if finding.place is not None:
        line = finding.place.line - 1
        return next((at for at, chunk in enumerate(chunks) if chunk.start <= line < chunk.end), None)
    if finding.box is None:
        return None
    near = [(_distance(finding.box, box), at) for at, box in enumerate(boxes) if box is not None]
    return min(near)[1] if near else None


def _distance(one: Box, other: Box) -> float:
    across = max(one.x0 - other.x1, other.x0 - one.x1, 0.0)
    down = max(one.y0 - other.y1, other.y0 - one.y1, 0.0)
    return across + down


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Give the first and the last of numbers that follow each other."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def _padded(box: Box, page: LaidOutPage) -> Box:
    return Box(
        max(0.0, box.x0 - _MARGIN),
        max(0.0, box.y0 - _MARGIN),
        min(page.width, box.x1 + _MARGIN),
        min(page.height, box.y1 + _MARGIN),
    )
