"""Ruling lines of a page, joined where they were drawn in pieces, and the frames that they make together.

A frame is what one table may be drawn with: lines that touch each other, and lines or boxes of equal width one below
the other, as in tables that have rules between rows only, or every other row shaded. Compare "pdfplumber" and
"camelot" for tables from lines, and Nurminen, "Algorithmic extraction of data in tables in PDF documents" (2013).
Where ``rules.c`` was compiled it joins lines and finds which touch, and else Python does, slower; both give the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from llamaparse_worker.compiled import load_module
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick, unguarded

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

VERSION = 1
"""Of ``rules.c``: what an earlier version has left is not used."""

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


compiled = load_module("llamaparse_worker.layout._rules", VERSION)
if compiled is not None:
    compiled.learn(Rule)


@quick
@dataclass(frozen=True, slots=True)
class Rules:
    """The level and upright lines of a page."""

    level: tuple[Rule, ...] = ()
    upright: tuple[Rule, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class Frame:
    """Lines that may belong to one table."""

    box: Box
    level: tuple[Rule, ...]
    upright: tuple[Rule, ...]


def page_rules(page: RawPage) -> Rules:
    """Join the lines of a page; the edges of filled rectangles count as lines, those of the whole page do not."""
    if not page.rules and not page.fills:  # as on most pages
        return Rules()
    made = None if compiled is None else compiled.joined(page.rules, page.fills, page.width, page.height)
    return joined_in_python(page) if made is None else Rules(*made)


def joined_in_python(page: RawPage) -> Rules:
    """Do what ``page_rules`` does."""
    lines = np.frombuffer(page.rules, np.float32).reshape(-1, 4).tolist()
    filled = np.frombuffer(page.fills, np.float32).reshape(-1, 4)[:_MOST_FILLS].tolist()
    level = [(y0, x0, x1, True) for x0, y0, x1, y1 in lines if x1 - x0 >= y1 - y0]
    upright = [(x0, y0, y1, True) for x0, y0, x1, y1 in lines if x1 - x0 < y1 - y0]
    for x0, y0, x1, y1 in filled:
        if not (x1 - x0 > _MOST_OF_PAGE * page.width and y1 - y0 > _MOST_OF_PAGE * page.height):
            level += (y0, x0, x1, False), (y1, x0, x1, False)
            upright += (x0, y0, y1, False), (x1, y0, y1, False)
    return Rules(_joined(level), _joined(upright))


_Piece = tuple[float, float, float, bool]
"""A part of a line as ``Rule`` says it."""


def _joined(pieces: list[_Piece]) -> tuple[Rule, ...]:
    """Join pieces that lie on one line with hardly a gap; places are rounded to a tenth of a point."""
    made: list[Rule] = []
    for line in _lines(pieces):
        line.sort(key=itemgetter(1))
        made.extend(_runs([(_tenths(at), _tenths(start), _tenths(end), solid) for at, start, end, solid in line]))
    return tuple([rule for rule in made if rule.end - rule.start >= _LEAST_LENGTH])


def _lines(pieces: list[_Piece]) -> list[list[_Piece]]:
    lines: list[list[_Piece]] = []
    before = float("-inf")
    for piece in sorted(pieces, key=itemgetter(0)):
        if piece[0] - before > _SAME_PLACE:
            lines.append([])
        lines[-1].append(piece)
        before = piece[0]
    return lines


def _tenths(value: float) -> float:
    return round(value * 10) / 10


def _runs(members: Sequence[_Piece]) -> Iterable[Rule]:
    at, start, end, solid = members[0]
    for place, first, last, is_solid in members[1:]:
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
    if len(rules.level) * len(rules.upright) > _MOST_PAIRS:
        return []
    touching: Iterable[tuple[list[Rule], list[Rule]]] = (
        touching_in_python(rules.level, rules.upright)
        if compiled is None
        else compiled.touching(rules.level, rules.upright)
    )
    return touching


def touching_in_python(level: Sequence[Rule], upright: Sequence[Rule]) -> Iterable[tuple[list[Rule], list[Rule]]]:
    """Gather level and upright rules that touch each other, in the order of the first of each group."""
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
    ones, others = np.nonzero(across & along)
    return zip(ones.tolist(), others.tolist(), strict=True)


def _columns(rules: Sequence[Rule]) -> tuple[list[float], list[float], list[float]]:
    return [rule.at for rule in rules], [rule.start for rule in rules], [rule.end for rule in rules]
