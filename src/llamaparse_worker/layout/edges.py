"""Running heads, running feet and page numbers: found apart on each page, known by all pages together.

On one page only the place can be seen: lines at the top or bottom, a gap away from the rest. What makes them running
heads is that other pages have the like at the same height (compare Lin, "Header and footer extraction by page
association", 2003). Numbers in them that count the pages are the printed page numbers.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from llamaparse_worker.layout import levels
from llamaparse_worker.layout.headings import HeadingSign, heading_sign
from llamaparse_worker.layout.notes import begins_note
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.blocks import Block, Edge, Footnote, Heading, ListBlock, Side, Table
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.value import quick

_REACH = 0.13
"""Share of the page's height at its top and bottom where running heads may stand."""
_MARGIN = 0.075
"""Share of the height where hardly anything but running heads stands."""
_MOST_ROWS = 3
_MOST_CHARACTERS = 250
_GAP_EM = 0.7
_LARGEST = 1.25
"""Running heads are not set much larger than the text, as titles are."""
_MARGIN_GAP_EM = 1.4
_LEAST_LINES = 3
_LEAST_SHARE = 0.15
"""From so many on, and such a share of all, lines that begin at the same place make a column."""
_SAME_HEIGHT_PT = 4.0
_SAME_SIZE_PT = 0.6
_NUMBER = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxlc]{1,6}|[IVXLC]{1,6}")
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|página|pagina|pág\.|p\.|страница|стр\.|第)?\s*[-–—|]?\s*(?:\d{1,5}|[ivxlc]{1,6})"
    r"(?:\s*(?:/|of|von|sur|de|из|/)\s*\d{1,5})?\s*[-–—|]?\s*(?:页|頁|ページ)?",
    re.IGNORECASE,
)


@quick
@dataclass(frozen=True, slots=True)
class EdgeSign:
    """What a page shows at an edge."""

    page: int
    side: Side
    text: str
    place: float
    """Height of its first line in points, from the top at the top, from the bottom at the bottom."""
    size: float
    certain: bool
    in_margin: bool
    """Whether it stands so far out, and in type so small, that it can hardly be anything else."""
    headings: tuple[HeadingSign, ...] = ()
    """What would be headings if it is no running head."""


@dataclass(frozen=True, slots=True)
class RunningHeads:
    """Which edges of which pages are no part of the text, and the page numbers printed there."""

    edges: frozenset[tuple[int, Side]] = frozenset()
    numbers: Mapping[int, str] = field(default_factory=dict)


@quick
@dataclass(frozen=True, slots=True)
class Parted:
    """The segments of a page: those at its edges and the others."""

    top: list[Segment]
    body: list[Segment]
    bottom: list[Segment]


def part(found: Sequence[Segment], height: float, em: float) -> Parted:
    """Take what stands apart at the top and bottom of a page from the rest."""
    if len(found) < 2:  # noqa: PLR2004 - nothing to stand apart from
        return Parted([], list(found), [])
    rows = levels.rows(found)
    upper, lower = rows[: _MOST_ROWS + 1], rows[: -_MOST_ROWS - 2 : -1]
    first = _edge_rows([_extent(row) for row in upper], rows, height, em)
    mirrored = [(height - bottom, height - top) for top, bottom in map(_extent, lower)]
    last = _edge_rows(mirrored, rows[::-1], height, em)
    if any(begins_note(segment) for row in rows[len(rows) - last :] for segment in row):
        last = 0
    if first + last > len(rows):
        return Parted([], list(found), [])
    body = rows[first : len(rows) - last]
    first = 0 if _begins_column(rows[:first], body, em) else first
    last = 0 if _begins_column(rows[len(rows) - last :], body, em) else last
    if not first and not last:
        return Parted([], list(found), [])
    parted = Parted([], [], [])
    at_edge_of = {id(segment): parted.top for row in rows[:first] for segment in row}
    at_edge_of.update({id(segment): parted.bottom for row in rows[len(rows) - last :] for segment in row})
    for segment in found:
        at_edge_of.get(id(segment), parted.body).append(segment)
    return parted


_Row = Sequence[Segment]
"""Segments that no level line parts, from top to bottom."""


def _extent(row: _Row) -> tuple[float, float]:
    """Give the top and bottom of a row."""
    return row[0].y0, max([segment.y1 for segment in row])


def _edge_rows(extents: Sequence[tuple[float, float]], rows: Sequence[_Row], height: float, em: float) -> int:
    """Count the rows at an edge, given from the edge inwards, that a gap parts from the rest."""
    characters = 0
    for index in range(min(_MOST_ROWS, len(rows) - 1)):
        if extents[index][1] > _REACH * height or any(found.size > _LARGEST * em for found in rows[index]):
            return 0
        characters += sum(len(segment.text) for segment in rows[index])
        if characters > _MOST_CHARACTERS:
            return 0
        if extents[index + 1][0] - extents[index][1] > _GAP_EM * em:
            return index + 1
    return 0


def _begins_column(rows: Sequence[_Row], body: Sequence[_Row], em: float) -> bool:
    """Tell whether a text at an edge stands beside another, right where many lines of the text begin.

    What stands at the right of a running head ends where the text ends; it begins nowhere in particular.
    """
    places = [
        round(right.x0)
        for row in rows
        for left, right in pairwise(sorted(row, key=lambda segment: segment.x0))
        if right.x0 - left.x1 > em
    ]
    if not places:
        return False
    starts = Counter(round(segment.x0) for row in body for segment in row)
    least = max(_LEAST_LINES, _LEAST_SHARE * len(body))
    return any(sum(starts[place + step] for step in (-1, 0, 1)) >= least for place in places)


def at_edge(segment: Segment, height: float) -> bool:
    """Tell whether a segment stands where running heads may stand."""
    return segment.y1 < _REACH * height or segment.y0 > (1 - _REACH) * height


def edge_signs(page: LaidOutPage) -> tuple[EdgeSign, ...]:
    """Give what a page shows at its edges."""
    return tuple(_sign(page, edge) for edge in page.edges if edge.blocks)


def _sign(page: LaidOutPage, edge: Edge) -> EdgeSign:
    top = min(block.box.y0 for block in edge.blocks)
    bottom = max(block.box.y1 for block in edge.blocks)
    place = top if edge.side is Side.TOP else page.height - bottom
    size = max(block.box.height for block in edge.blocks)
    headings = tuple(heading_sign(block) for block in edge.blocks if isinstance(block, Heading))
    in_margin = (
        edge.side is Side.TOP
        and bottom < _MARGIN * page.height
        and not headings
        and size < 1.5 * page.body_size
        and min((block.box.y0 - bottom for block in page.blocks), default=0.0) > _MARGIN_GAP_EM * page.body_size
    )
    text = edge_text(edge.blocks)
    return EdgeSign(page.number, edge.side, text, round(place, 1), round(size, 1), edge.certain, in_margin, headings)


def edge_text(blocks: Iterable[Block]) -> str:
    """Give the text of an edge on one line."""
    return " ".join(filter(None, map(_text, blocks)))


def _text(block: Block) -> str:
    match block:
        case ListBlock():
            return " ".join(item.printed for item in block.items)
        case Table():
            return ""
        case Footnote():
            return f"{block.label} {block.text}"
        case _:
            return block.text


def running_heads(signs: Iterable[EdgeSign]) -> RunningHeads:
    """Find the running heads of a document."""
    by_side: dict[Side, list[EdgeSign]] = defaultdict(list)
    for sign in signs:
        by_side[sign.side].append(sign)
    edges: set[tuple[int, Side]] = set()
    for side, shown in by_side.items():
        edges.update((sign.page, side) for sign in _running(shown))
    kept = [sign for shown in by_side.values() for sign in shown if (sign.page, sign.side) in edges]
    return RunningHeads(frozenset(edges), _printed_numbers(kept))


def _running(shown: Sequence[EdgeSign]) -> list[EdgeSign]:
    counts = Counter(_NUMBER.sub("#", sign.text) for sign in shown)
    repeated = [sign for sign in shown if sign.certain or counts[_NUMBER.sub("#", sign.text)] > 1]
    places = Counter((round(sign.place / _SAME_HEIGHT_PT), round(sign.size / _SAME_SIZE_PT)) for sign in repeated)
    known = set(map(id, repeated))
    return [
        sign
        for sign in shown
        if sign.certain or not any(heading.outline for heading in sign.headings)
        if id(sign) in known or sign.in_margin or _PAGE_NUMBER.fullmatch(sign.text) or _is_at(sign, places)
    ]


def _is_at(sign: EdgeSign, places: Mapping[tuple[int, int], int]) -> bool:
    """Tell whether running heads of other pages stand at the same height, in type of the same size."""
    place, size = round(sign.place / _SAME_HEIGHT_PT), round(sign.size / _SAME_SIZE_PT)
    return any((place + step, size + grow) in places for step in (-1, 0, 1) for grow in (-1, 0, 1))


def _printed_numbers(signs: Sequence[EdgeSign]) -> dict[int, str]:
    """Give the number that each page prints: those that count along with the pages, else one that stands alone."""
    offsets = Counter(int(number) - sign.page for sign in signs for number in set(_NUMBER.findall(sign.text)))
    offset, votes = max(offsets.items(), key=lambda item: (item[1], -abs(item[0])), default=(0, 0))
    found: dict[int, str] = {}
    for sign in signs:
        numbers = _NUMBER.findall(sign.text)
        counted = [number for number in numbers if int(number) - sign.page == offset]
        if counted and (votes > 1 or _PAGE_NUMBER.fullmatch(sign.text)):
            found[sign.page] = counted[0]
        elif sign.page not in found and (_ROMAN.fullmatch(sign.text) or _PAGE_NUMBER.fullmatch(sign.text)):
            found[sign.page] = numbers[0] if numbers else sign.text
    return found
