"""Ruling lines of a page, joined where they were drawn in pieces, and the frames that they make together.

A frame is what one table may be drawn with: lines that touch each other, and lines or boxes of equal width one below
the other, as in tables that have rules between rows only, or every other row shaded. Compare "pdfplumber" and
"camelot" for tables from lines, and Nurminen, "Algorithmic extraction of data in tables in PDF documents" (2013).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import unguarded

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_SAME_PLACE = 1.0
_SAME_LINE_GAP = 3.5
_LEAST_LENGTH = 4.0
_TOUCHING = 3.0
_MOST_OF_PAGE = 0.95
_MOST_PAIRS = 4_000_000
_MOST_FILLS = 2_500
_NEAR_INK = 1.5


@unguarded
@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: its place across its direction, and from where to where it goes."""

    at: float
    start: float
    end: float
    drawn: bool = True
    """Whether it is a line, not just the edge of something filled."""

    def covers(self, start: float, end: float) -> bool:
        """Tell whether it goes along most of an interval."""
        return min(self.end, end) - max(self.start, start) > (end - start) / 2


@dataclass(frozen=True, slots=True)
class Rules:
    """The level and upright lines of a page."""

    level: tuple[Rule, ...] = ()
    upright: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines that may belong to one table."""

    box: Box
    level: tuple[Rule, ...]
    upright: tuple[Rule, ...]


def page_rules(page: RawPage) -> Rules:
    """Join the lines of a page; the edges of filled rectangles count as lines, those of the whole page do not."""
    lines = np.frombuffer(page.rules, np.float32).reshape(-1, 4)
    fills = np.frombuffer(page.fills, np.float32).reshape(-1, 4)[:_MOST_FILLS]
    if not len(lines) and not len(fills):
        return Rules()
    whole = (fills[:, 2] - fills[:, 0] > _MOST_OF_PAGE * page.width) & (
        fills[:, 3] - fills[:, 1] > _MOST_OF_PAGE * page.height
    )
    fills = fills[~whole]
    is_level = lines[:, 2] - lines[:, 0] >= lines[:, 3] - lines[:, 1]
    level, upright = lines[is_level], lines[~is_level]
    return Rules(
        level=_joined(level[:, [1, 0, 2]], np.concatenate((fills[:, [1, 0, 2]], fills[:, [3, 0, 2]]))),
        upright=_joined(upright[:, [0, 1, 3]], np.concatenate((fills[:, [0, 1, 3]], fills[:, [2, 1, 3]]))),
    )


def _joined(drawn: Floats, edges: Floats) -> tuple[Rule, ...]:
    """Join pieces that lie on one line with hardly a gap; places are rounded to a tenth of a point."""
    pieces = np.concatenate((drawn, edges)).astype(np.float64)
    if not len(pieces):
        return ()
    solid = np.arange(len(pieces)) < len(drawn)
    order = np.argsort(pieces[:, 0], kind="stable")
    lines = np.concatenate(([0], np.cumsum(np.diff(pieces[order, 0]) > _SAME_PLACE)))
    order = order[np.lexsort((pieces[order, 1], lines))]
    rows = zip(np.sort(lines).tolist(), pieces[order].round(1).tolist(), solid[order].tolist(), strict=True)
    made: list[Rule] = []
    for _, members in groupby(rows, key=lambda row: row[0]):
        made.extend(_runs([(piece, is_solid) for _, piece, is_solid in members]))
    return tuple(rule for rule in made if rule.end - rule.start >= _LEAST_LENGTH)


def _runs(members: Sequence[tuple[list[float], bool]]) -> Iterable[Rule]:
    (at, start, end), solid = members[0]
    for (place, first, last), is_solid in members[1:]:
        if first <= end + _SAME_LINE_GAP:
            end, solid = max(end, last), solid or is_solid
            continue
        yield Rule(at, start, end, solid)
        at, start, end, solid = place, first, last, is_solid
    yield Rule(at, start, end, solid)


def parted(boxes: Floats, upright: Sequence[Rule]) -> Flags:
    """Tell for each character but the last whether an upright line stands between it and the next one."""
    found = np.zeros(max(0, len(boxes) - 1), np.bool_)
    if not upright or not len(found):
        return found
    before, after = boxes[:-1], boxes[1:]
    middle = (after[:, 1] + after[:, 3]) / 2
    rules = sorted(upright, key=lambda rule: rule.at)
    places = np.array([rule.at for rule in rules])
    first = np.searchsorted(places, before[:, 2] - _NEAR_INK)
    last = np.searchsorted(places, after[:, 0] + _NEAR_INK)
    centres = (before[:, 0] + before[:, 2]) / 2, (after[:, 0] + after[:, 2]) / 2
    for pair in np.flatnonzero(last > first).tolist():
        low, high, y = centres[0][pair], centres[1][pair], middle[pair]
        found[pair] = any(
            low < rule.at < high and rule.start <= y <= rule.end for rule in rules[first[pair] : last[pair]]
        )
    return found


def frames(rules: Rules) -> list[Frame]:
    """Gather lines that touch each other, and lines alone; from top to bottom."""
    groups = _touching(rules)
    made = []
    for level, upright in groups:
        xs = [edge for rule in level for edge in (rule.start, rule.end)] + [rule.at for rule in upright]
        ys = [edge for rule in upright for edge in (rule.start, rule.end)] + [rule.at for rule in level]
        made.append(Frame(Box(min(xs), min(ys), max(xs), max(ys)), tuple(level), tuple(upright)))
    return sorted(made, key=lambda frame: (frame.box.y0, frame.box.x0))


def _touching(rules: Rules) -> Iterable[tuple[list[Rule], list[Rule]]]:
    level, upright = rules.level, rules.upright
    if len(level) * len(upright) > _MOST_PAIRS:
        return []
    parents = list(range(len(level) + len(upright)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for one, other in _crossings(level, upright):
        parents[root(one)] = root(len(level) + other)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate((*level, *upright)):
        groups.setdefault(root(index), ([], []))[index >= len(level)].append(rule)
    return groups.values()


def _crossings(level: Sequence[Rule], upright: Sequence[Rule]) -> Iterable[tuple[int, int]]:
    if not level or not upright:
        return []
    y, left, right = (np.array(values)[:, None] for values in _columns(level))
    x, top, bottom = (np.array(values)[None, :] for values in _columns(upright))
    across = (x >= left - _TOUCHING) & (x <= right + _TOUCHING)
    along = (y >= top - _TOUCHING) & (y <= bottom + _TOUCHING)
    found = np.argwhere(across & along)
    return ((int(one), int(other)) for one, other in found)


def _columns(rules: Sequence[Rule]) -> tuple[list[float], list[float], list[float]]:
    return [rule.at for rule in rules], [rule.start for rule in rules], [rule.end for rule in rules]
