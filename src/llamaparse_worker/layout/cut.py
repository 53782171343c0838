"""Characters to runs of text on one line without a wide gap, found with array operations.

This is what ``cut.h`` does in one pass, and what is done where that is not compiled or leaves a page to the general
way. Both give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.codes import Codes, codes_of
from llamaparse_worker.layout.elements import owners
from llamaparse_worker.layout.inline import BOLD, CODE, ITALIC, LOWERED, RAISED
from llamaparse_worker.layout.rules import Rule, parted
from llamaparse_worker.layout.shown import shown
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Looks = npt.NDArray[np.uint8]

WIDE_GAP_EM = 0.7
"""A gap wider than this ends a run: it may be the space between columns or cells."""
SIDEWAYS = 32
"""Beside the bits of a look: written upward or downward."""
UNTIDY = 64
"""Beside them too: between its characters is other white space than single spaces."""
MOST_HALF_POINTS = 2000
ZERO_WIDTH_SPACE = "\u200b"
LAST_SPACE = 0x3000
SPACES = np.array(
    [chr(code).isspace() or code < ord(" ") or chr(code) == ZERO_WIDTH_SPACE for code in range(LAST_SPACE + 1)]
    + [False],
    np.bool_,
)
"""Whether a code is white space; the last place stands for all codes behind."""

_GAP_EM = 0.36
_SAME_LINE_OVERLAP = 0.4
_BACKWARD_EM = 0.5
_MOST = 0.8
_NEAR = 1.35
_SMALL = 0.85
_RAISED = 0.28
_LOWERED = 0.35
_NEAR_EDGE = 0.2
_LAST_OF_ASCII_SIGNS, _LAST_OF_ASCII = 0x40, 0x7E
_LEAST_LETTERS, _FEW_LETTERS = 8, 4
_NARROW, _WIDE = set("iljtfrI"), set("mwMW")
_SAME_WIDTH = 0.03
_MOSTLY_EVEN = 0.93


@quick
@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a page in the order of the file, as parallel lists."""

    firsts: list[int]
    lasts: list[int]
    """The characters of each: half-open ranges of the text."""
    boxes: list[list[float]]
    """x0, y0, x1, y1, rounded to hundredths of a point."""
    sizes: list[float]
    """In points: the mean of its characters, or the largest if it is near: that of the capitals among small ones."""
    traits: list[int]
    """The bits of the looks that most of its characters have, ``SIDEWAYS`` and ``UNTIDY``."""
    owners: list[int]
    """The element of the page's structure that each is a part of; -1 for none."""
    gaps: list[tuple[int, int, float, float]]
    """Wider spaces: the run, how many visible characters of it stand before, and where the space begins and ends."""
    looks: list[tuple[int, int, int]]
    """Of runs that are not all plain: the run, and from which place of the text on it has which look."""
    visible: int
    """How many characters of the page are ink."""
    usual_size: float
    """The most frequent size of characters in points, to half a point."""
    common_look: int
    """The bits that most characters have."""


def font_looks(fonts: Sequence[Font]) -> Looks:
    """Give how each font looks by what it says of itself, as bits of ``inline``."""
    return np.array([BOLD * font.bold | ITALIC * font.italic | CODE * font.monospaced for font in fonts], np.uint8)


def owners_of_characters(page: RawPage) -> npt.NDArray[np.int32] | None:
    """Give the element that owns each character, -1 for none; None for a page without structure."""
    if not page.element_table:
        return None
    found = np.array([*owners(page.element_table), -1], np.int32)
    return found[np.frombuffer(page.elements, np.int32)]


def common_look(counts: Sequence[tuple[int, int]], visible: int) -> int:
    """Give the bits that most characters have; ``counts`` says how many have each."""
    return sum(bit for bit, count in counts if count / visible > _MOST)


def cut(page: RawPage, upright: Sequence[Rule]) -> Runs | None:
    """Cut the characters of a page into runs; None if it shows none. No run goes across an ``upright`` line."""
    ink = _ink(page)
    return _runs(ink, parted(ink.boxes, upright), codes_of(page.text)) if len(ink.places) else None


@dataclass(frozen=True)
class _Ink:
    """The visible characters of a page as parallel arrays; ``places`` are their indices in its text."""

    places: Indices
    boxes: Floats
    sizes: Floats
    looks: Looks
    """How each is set, as bits of ``inline``."""
    owners: npt.NDArray[np.int32] | None

    @cached_property
    def sides(self) -> Floats:
        """The boxes as four rows, one a side: operations on each go over memory without gaps."""
        return np.ascontiguousarray(self.boxes.T)

    @cached_property
    def sideways(self) -> Flags:
        """Boxes reach from ascender to descender: those of upright letters are higher than wide."""
        widths, heights = self.sides[2:] - self.sides[:2]
        found: Flags = widths > heights
        return found


def _ink(page: RawPage) -> _Ink:
    codes = codes_of(page.text)
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    visible = ~SPACES[np.minimum(codes, LAST_SPACE + 1)]
    places = np.flatnonzero(shown(page, boxes, visible))
    boxes = boxes[places]
    widths, heights = (boxes[:, 2:] - boxes[:, :2]).T
    sizes = np.frombuffer(page.sizes, np.float32)[places]
    fonts = np.frombuffer(page.fonts, np.uint16)[places]
    looks = font_looks(page.font_table)
    _find_fixed_pitch(looks, fonts, codes[places], widths / np.maximum(sizes, 1.0))
    owned = owners_of_characters(page)
    return _Ink(
        places=places,
        boxes=boxes,
        sizes=np.where(sizes > 0, sizes, np.maximum(heights, 1.0)),
        looks=looks[fonts],
        owners=None if owned is None else owned[places],
    )


def _find_fixed_pitch(
    looks: Looks, fonts: npt.NDArray[np.uint16], codes: npt.NDArray[np.uint32], widths: Floats
) -> None:
    """Tell by the widths of their letters, in em, which fonts are of fixed pitch though nothing else says so."""
    letters = np.flatnonzero((codes > _LAST_OF_ASCII_SIGNS) & (codes <= _LAST_OF_ASCII))
    if not len(letters):
        return
    of_fonts = fonts[letters]
    widths = widths[letters]
    first = np.zeros(len(looks), np.float32)
    first[of_fonts[::-1]] = widths[::-1]
    alike = np.abs(widths - first[of_fonts]) < _SAME_WIDTH * first[of_fonts]
    counts = np.bincount(of_fonts, minlength=len(looks))
    even = np.bincount(of_fonts, weights=alike, minlength=len(looks)) > _MOSTLY_EVEN * counts
    for index in np.flatnonzero(even & (counts >= _FEW_LETTERS)).tolist():
        different = set(map(chr, np.unique(codes[letters][of_fonts == index]).tolist()))
        if len(different) >= _LEAST_LETTERS or (different & _NARROW and different & _WIDE):
            looks[index] |= CODE


def _breaks(ink: _Ink) -> Flags:
    """Tell for each character but the last whether the next one begins a new run."""
    before, after = ink.sides[:, :-1], ink.sides[:, 1:]
    size = np.maximum(ink.sizes[:-1], ink.sizes[1:])
    shared = np.minimum(before[2:], after[2:]) - np.maximum(before[:2], after[:2])
    extents = np.minimum(before[2:] - before[:2], after[2:] - after[:2])
    aligned = shared >= _SAME_LINE_OVERLAP * extents
    ahead = after[0] - before[2]
    upright = aligned[1] & (ahead <= WIDE_GAP_EM * size) & (ahead >= -_BACKWARD_EM * size)
    sideways = ink.sideways[:-1] & ink.sideways[1:] & aligned[0] & (-shared[1] <= WIDE_GAP_EM * size)
    # The letters of a ligature share its box.
    joined: Flags = upright | sideways | (before == after).all(axis=0)
    if ink.owners is not None:
        joined &= ink.owners[:-1] == ink.owners[1:]
    return ~joined


def _runs(ink: _Ink, ruled: Flags, codes: Codes) -> Runs:
    starts = np.concatenate(([0], np.flatnonzero(_breaks(ink) | ruled) + 1))
    ends = np.append(starts[1:], len(ink.places))
    low = np.minimum.reduceat(ink.sides[:2], starts, axis=1)
    high = np.maximum.reduceat(ink.sides[2:], starts, axis=1)
    counts = [(bit, int(np.count_nonzero(ink.looks & bit))) for bit in (BOLD, ITALIC, CODE)]
    firsts, lasts = ink.places[starts], ink.places[ends - 1] + 1
    half_points = np.clip(ink.sizes * 2 + 0.5, 0, MOST_HALF_POINTS).astype(np.intp)
    return Runs(
        firsts=firsts.tolist(),
        lasts=lasts.tolist(),
        boxes=_hundredths(np.concatenate((low, high)).T).tolist(),
        sizes=_sizes(ink, starts, ends - starts).round(2).tolist(),
        traits=(_traits(ink, starts, ends - starts) | _untidy(codes, firsts, lasts)).tolist(),
        owners=[-1] * len(starts) if ink.owners is None else ink.owners[starts].tolist(),
        gaps=_gaps(ink, starts),
        looks=_looks(ink, starts, ends),
        visible=len(ink.places),
        usual_size=float(np.bincount(half_points).argmax()) / 2,
        common_look=common_look(counts, len(ink.places)),
    )


def _hundredths(values: Floats) -> npt.NDArray[np.float64]:
    """Round to hundredths; nothing has no sign."""
    return values.astype(np.float64).round(2) + 0.0


def _traits(ink: _Ink, starts: Indices, counts: Indices) -> Looks:
    found = np.zeros(len(starts), np.uint8)
    # A dash alone is wider than high, and yet upright.
    turned = ink.sideways & np.repeat(counts > 1, counts)
    flags = ((bit, (ink.looks & bit).astype(np.bool_)) for bit in (BOLD, ITALIC, CODE))
    for bit, having in (*flags, (SIDEWAYS, turned)):
        if having.any():
            found[np.add.reduceat(having, starts, dtype=np.intp) > _MOST * counts] |= bit
    return found


def _untidy(codes: Codes, firsts: Indices, lasts: Indices) -> Looks:
    spaces = SPACES[np.minimum(codes, LAST_SPACE + 1)]
    odd = spaces & ((codes != ord(" ")) | np.append(spaces[1:], False))
    before = np.concatenate(([0], np.cumsum(odd)))
    return np.where(before[lasts] > before[firsts], np.uint8(UNTIDY), np.uint8(0))


def _sizes(ink: _Ink, starts: Indices, counts: Indices) -> npt.NDArray[np.float64]:
    means = np.add.reduceat(ink.sizes.astype(np.float64), starts) / counts
    largest = np.maximum.reduceat(ink.sizes, starts).astype(np.float64)
    return np.where(largest < _NEAR * means, largest, means)


def _gaps(ink: _Ink, starts: Indices) -> list[tuple[int, int, float, float]]:
    before, after = ink.sides[2, :-1], ink.sides[0, 1:]
    fixed = (ink.looks[:-1] & ink.looks[1:] & CODE).astype(np.bool_)
    wider = (after - before > _GAP_EM * np.maximum(ink.sizes[:-1], ink.sizes[1:])) & ~fixed & ~ink.sideways[1:]
    wider[starts[1:] - 1] = False
    places = np.flatnonzero(wider)
    of_runs = np.searchsorted(starts, places, side="right") - 1
    edges = _hundredths(np.stack((before[places], after[places]))).tolist()
    return list(zip(of_runs.tolist(), (places + 1 - starts[of_runs]).tolist(), *edges, strict=True))


def _looks(ink: _Ink, starts: Indices, ends: Indices) -> list[tuple[int, int, int]]:
    looks = ink.looks | _shifted(ink, starts, ends)
    changes = np.zeros(len(looks), np.bool_)
    changes[1:] = looks[1:] != looks[:-1]
    changes[starts] = True
    changes &= np.repeat(np.maximum.reduceat(looks, starts) > 0, ends - starts)
    places = np.flatnonzero(changes)
    of_runs = np.searchsorted(starts, places, side="right") - 1
    return list(zip(of_runs.tolist(), ink.places[places].tolist(), looks[places].tolist(), strict=True))


def _shifted(ink: _Ink, starts: Indices, ends: Indices) -> Looks:
    """Give the bits of characters that stand higher or lower than the line of their run, in smaller type."""
    counts = ends - starts
    small = ink.sizes < _SMALL * np.repeat(np.maximum.reduceat(ink.sizes, starts), counts)
    shifted = np.zeros(len(small), np.uint8)
    if not small.any():
        return shifted
    tops, bottoms = ink.sides[1], ink.sides[3]
    top = np.repeat(np.minimum.reduceat(np.where(small, np.inf, tops), starts), counts)
    bottom = np.repeat(np.maximum.reduceat(np.where(small, -np.inf, bottoms), starts), counts)
    height = bottom - top
    small &= (ink.looks & CODE) == 0
    raised = small & (bottom - bottoms > _RAISED * height) & (tops - top < _NEAR_EDGE * height)
    lowered = small & (tops - top > _LOWERED * height) & (bottoms - bottom > -_NEAR_EDGE * height)
    shifted[raised] = RAISED
    shifted[lowered] = LOWERED
    return shifted
