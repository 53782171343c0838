"""Underscores that are drawn as lines: TeX has none in its first encoding, and sets a rule at the foot of letters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from llamaparse_worker.layout.characters import Characters, Indices, characters_of, with_characters
from llamaparse_worker.layout.frames import Floats
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick

_WIDTHS_PT = (1.2, 12.0)
_WIDTHS_EM = (0.2, 0.5)
_MOST = 150
"""Short lines of a page; more are of a drawing."""
_NEXT_PT = 1.5
"""Between two underscores."""
_TOUCHING_EM = 0.12
_FOOT = (0.62, 0.95)
"""Where the foot of a letter is in its box, from top to bottom."""
_SPACE, _UNDERSCORE = ord(" "), ord("_")


@quick
@dataclass(frozen=True, slots=True)
class _Found:
    """Underscores in a row, and the character of the text that they stand before."""

    rules: Indices
    place: int
    beside: int
    """A character that they touch."""
    within_word: bool


def with_underscores(page: RawPage) -> RawPage:
    """Put an underscore for each short rule at the foot of letters that it touches, where no letter stands above it.

    A page that has none within a word has none at all: its rules are of a drawing.
    """
    if not page.rules:
        return page
    rules = np.frombuffer(page.rules, np.float32).reshape(-1, 4)
    widths = rules[:, 2] - rules[:, 0]
    short = np.flatnonzero((widths > _WIDTHS_PT[0]) & (widths < _WIDTHS_PT[1]) & (rules[:, 1] == rules[:, 3]))
    if not 0 < len(short) <= _MOST:
        return page
    found = characters_of(page)
    sizes = np.frombuffer(page.sizes, np.float32)
    rows = (_underscores(found, sizes, rules, row) for row in _rows(rules, short))
    made = [row for row in rows if row is not None]
    return _with_rows(page, found, rules, made) if any(row.within_word for row in made) else page


def _rows(rules: Floats, short: Indices) -> list[Indices]:
    """Gather rules that follow each other from left to right."""
    ordered = short[np.lexsort((rules[short, 0], rules[short, 1]))]
    before, after = rules[ordered[:-1]], rules[ordered[1:]]
    follows = (before[:, 1] == after[:, 1]) & (after[:, 0] - before[:, 2] < _NEXT_PT)
    return np.split(ordered, np.flatnonzero(~follows) + 1)


def _underscores(found: Characters, sizes: Floats, rules: Floats, row: Indices) -> _Found | None:
    """Tell where a row of rules stands in the text; None if its rules are no underscores."""
    left, foot, right = rules[row[0], 0], rules[row[0], 1], rules[row[-1], 2]
    tops, heights = found.boxes[:, 1], found.boxes[:, 3] - found.boxes[:, 1]
    level = (tops + _FOOT[0] * heights < foot) & (foot < tops + _FOOT[1] * heights) & (found.codes > _SPACE)
    near = (
        level & (found.boxes[:, 2] > left - _TOUCHING_EM * sizes) & (found.boxes[:, 0] < right + _TOUCHING_EM * sizes)
    )
    places = np.flatnonzero(near)
    middles = (found.boxes[places, 0] + found.boxes[places, 2]) / 2
    if not len(places) or ((left < middles) & (middles < right)).any():
        return None
    before, after = places[middles <= left], places[middles >= right]
    touched = [int(one) for one in (*before[-1:], *after[:1]) if chr(found.codes[one]).isalnum()]
    if not touched:
        return None
    least, most = (part * sizes[touched[0]] for part in _WIDTHS_EM)
    widths = rules[row, 2] - rules[row, 0]
    if widths.min() < least or widths.max() > most:
        return None
    place = int(before[-1]) + 1 if len(before) else int(after[0])
    return _Found(row, place, touched[0], within_word=len(before) > 0 and len(after) > 0)


def _with_rows(page: RawPage, found: Characters, rules: Floats, rows: list[_Found]) -> RawPage:
    boxes = [
        (rules[rule, 0], found.boxes[row.beside, 1], rules[rule, 2], found.boxes[row.beside, 3])
        for row in rows
        for rule in row.rules.tolist()
    ]
    counts = [len(row.rules) for row in rows]
    at = np.repeat([row.place for row in rows], counts)
    made = Characters(
        np.insert(found.codes, at, _UNDERSCORE),
        np.insert(found.boxes, at, np.array(boxes, np.float32), axis=0),
        np.insert(found.places, at, np.repeat([row.beside for row in rows], counts)),
    )
    left = np.delete(rules, np.concatenate([row.rules for row in rows]), axis=0)
    return replace(with_characters(page, _closed(made)), rules=left.tobytes())


def _closed(made: Characters) -> Characters:
    """Leave out the spaces that were inferred beside underscores, where letters stand as close as the others do."""
    ink = np.flatnonzero(made.codes > _SPACE)
    before, after = made.boxes[ink[:-1]], made.boxes[ink[1:]]
    heights = np.minimum(before[:, 3] - before[:, 1], after[:, 3] - after[:, 1])
    near = np.abs(after[:, 0] - before[:, 2]) < _TOUCHING_EM * heights
    near &= np.abs(after[:, 3] - before[:, 3]) < _TOUCHING_EM * heights
    near &= (made.codes[ink[:-1]] == _UNDERSCORE) | (made.codes[ink[1:]] == _UNDERSCORE)
    within = np.append(near, False)[np.searchsorted(ink, np.arange(len(made.codes)), "right") - 1]
    return made.chosen(np.flatnonzero((made.codes > _SPACE) | ~within))
