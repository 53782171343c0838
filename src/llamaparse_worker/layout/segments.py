"""Characters to segments: runs of text on one line without a wide gap, found with array operations.

All per-character work ends here; what follows handles about a hundred segments a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.elements import owners
from llamaparse_worker.layout.inline import BOLD, CODE, ITALIC, LOWERED, PLAIN, RAISED, SWITCHES
from llamaparse_worker.layout.rules import Rule, parted
from llamaparse_worker.layout.shown import shown
from llamaparse_worker.model.page import Font, RawPage

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

WIDE_GAP_EM = 0.7
"""A gap wider than this ends a segment: it may be the space between columns or cells."""
_GAP_EM = 0.36
_SAME_LINE_OVERLAP = 0.4
_BACKWARD_EM = 0.5
_MOST = 0.8
_NEAR = 1.35
_LONG = 25
"""Characters from which on a segment counts as running text."""
_ENOUGH = 0.15
_SMALL = 0.85
_RAISED = 0.28
_LOWERED = 0.35
_NEAR_EDGE = 0.2
_LAST_OF_ASCII_SIGNS, _LAST_OF_ASCII = 0x40, 0x7E
_LEAST_LETTERS, _FEW_LETTERS = 8, 4
_NARROW, _WIDE = set("iljtfrI"), set("mwMW")
_SAME_WIDTH = 0.03
_MOSTLY_EVEN = 0.93
_LAST_SPACE = 0x3000
ZERO_WIDTH_SPACE = "\u200b"
_SPACES = np.array(
    [chr(code).isspace() or code < ord(" ") or chr(code) == ZERO_WIDTH_SPACE for code in range(_LAST_SPACE + 1)]
    + [False],
    np.bool_,
)
"""Whether a code is white space; the last place stands for all codes behind."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A wider space within a segment: where it begins and ends, and how many visible characters stand before it."""

    start: float
    end: float
    characters: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text on one line; ``size`` in points is that of most of its characters."""

    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    text: str
    bold: bool = False
    monospaced: bool = False
    sideways: bool = False
    """Written upward or downward."""
    italic: bool = False
    rich: str = ""
    """The text with switches of its look (see ``inline``); empty if all of it is plain."""
    owner: int = -1
    """The element of the page's structure that it is a part of (see ``elements``); -1 for none."""
    gaps: tuple[Gap, ...] = ()
    """Spaces wider than those between words mostly are: cells of a narrow table may be parted there."""


@dataclass(frozen=True, slots=True)
class Style:
    """What most characters of a page look like."""

    size: float
    bold: bool
    look: int = 0
    """The bits of ``inline`` that most characters have."""


@dataclass(frozen=True, slots=True)
class _Ink:
    """The visible characters of a page as parallel arrays; ``places`` are their indices in its text."""

    places: npt.NDArray[np.intp]
    boxes: Floats
    sides: Floats
    """The boxes once more as four rows, one a side: operations on each go over memory without gaps."""
    sizes: Floats
    looks: npt.NDArray[np.uint8]
    """How each is set, as bits of ``inline``."""
    sideways: Flags
    owners: npt.NDArray[np.int32] | None
    """The element that owns each, where the page has a structure."""


def segments(page: RawPage, upright: Sequence[Rule] = ()) -> tuple[list[Segment], Style]:
    """Cut the characters of a page into segments, in the order of the file; characters off the page are left out.

    No segment goes across an ``upright`` line.
    """
    ink = _ink(page)
    if not len(ink.places):
        return [], Style(0.0, bold=False)
    found = _cut(page.text, ink, parted(ink.boxes, upright))
    return found, _style(ink, found)


def _ink(page: RawPage) -> _Ink:
    codes = np.frombuffer(page.text.encode("utf-32-le", "replace"), np.uint32)
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    visible = ~_SPACES[np.minimum(codes, _LAST_SPACE + 1)]
    places = np.flatnonzero(shown(page, boxes, visible))
    boxes = boxes[places]
    sides = np.ascontiguousarray(boxes.T)
    widths, heights = sides[2:] - sides[:2]
    sizes = np.frombuffer(page.sizes, np.float32)[places]
    fonts = np.frombuffer(page.fonts, np.uint16)[places]
    looks = np.array([_look(font) for font in page.font_table], np.uint8)
    _find_fixed_pitch(looks, fonts, codes[places], widths / np.maximum(sizes, 1.0))
    looks = looks[fonts]
    return _Ink(
        places=places,
        boxes=boxes,
        sides=sides,
        sizes=np.where(sizes > 0, sizes, np.maximum(heights, 1.0)),
        looks=looks,
        # Boxes reach from ascender to descender: those of upright letters are higher than wide.
        sideways=widths > heights,
        owners=_owners(page, places),
    )


def _owners(page: RawPage, places: npt.NDArray[np.intp]) -> npt.NDArray[np.int32] | None:
    if not page.element_table:
        return None
    found = np.array([*owners(page.element_table), -1], np.int32)
    return found[np.frombuffer(page.elements, np.int32)[places]]


def _find_fixed_pitch(
    looks: npt.NDArray[np.uint8],
    fonts: npt.NDArray[np.uint16],
    codes: npt.NDArray[np.uint32],
    widths: Floats,
) -> None:
    """Tell by the widths of their letters, in em, which fonts are of fixed pitch though nothing else says so."""
    letters = np.flatnonzero((codes > _LAST_OF_ASCII_SIGNS) & (codes <= _LAST_OF_ASCII))
    if not len(letters):
        return
    owners = fonts[letters]
    widths = widths[letters]
    first = np.zeros(len(looks), np.float32)
    first[owners[::-1]] = widths[::-1]
    alike = np.abs(widths - first[owners]) < _SAME_WIDTH * first[owners]
    counts = np.bincount(owners, minlength=len(looks))
    even = np.bincount(owners, weights=alike, minlength=len(looks)) > _MOSTLY_EVEN * counts
    for index in np.flatnonzero(even & (counts >= _FEW_LETTERS)).tolist():
        shown = set(map(chr, np.unique(codes[letters][owners == index]).tolist()))
        if len(shown) >= _LEAST_LETTERS or (shown & _NARROW and shown & _WIDE):
            looks[index] |= CODE


def _look(font: Font) -> int:
    return BOLD * font.bold | ITALIC * font.italic | CODE * font.monospaced


def _breaks(ink: _Ink) -> Flags:
    """Tell for each character but the last whether the next one begins a new segment."""
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


def _cut(text: str, ink: _Ink, ruled: Flags) -> list[Segment]:
    starts = np.concatenate(([0], np.flatnonzero(_breaks(ink) | ruled) + 1))
    ends = np.append(starts[1:], len(ink.places))
    counts = ends - starts

    def mostly(flags: Flags) -> list[bool]:
        if not flags.any():
            return [False] * len(starts)
        found: list[bool] = (np.add.reduceat(flags, starts, dtype=np.intp) > _MOST * counts).tolist()
        return found

    low = np.minimum.reduceat(ink.sides[:2], starts, axis=1)
    high = np.maximum.reduceat(ink.sides[2:], starts, axis=1)
    boxes = np.concatenate((low, high)).T.astype(np.float64).round(2).tolist()
    sizes = _sizes(ink, starts, counts).round(2).tolist()
    firsts, lasts = ink.places[starts].tolist(), (ink.places[ends - 1] + 1).tolist()
    # A dash alone is wider than high, and yet upright.
    turned = mostly(ink.sideways & np.repeat(counts > 1, counts))
    traits = zip(
        mostly((ink.looks & BOLD).astype(np.bool_)),
        mostly((ink.looks & CODE).astype(np.bool_)),
        turned,
        mostly((ink.looks & ITALIC).astype(np.bool_)),
        _rich_texts(text, ink, starts, ends),
        [-1] * len(firsts) if ink.owners is None else ink.owners[starts].tolist(),
        _gaps(ink, starts),
        strict=True,
    )
    return [
        Segment(x0, y0, x1, y1, size, _words(text[first:last]), *trait)
        for (x0, y0, x1, y1), size, first, last, trait in zip(boxes, sizes, firsts, lasts, traits, strict=True)
    ]


def _words(text: str) -> str:
    return " ".join(text.replace(ZERO_WIDTH_SPACE, "").split())


def _sizes(ink: _Ink, starts: npt.NDArray[np.intp], counts: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Give the mean size of each segment, or the largest if it is near: that of the capitals among small ones."""
    means = np.add.reduceat(ink.sizes.astype(np.float64), starts) / counts
    largest = np.maximum.reduceat(ink.sizes, starts).astype(np.float64)
    return np.where(largest < _NEAR * means, largest, means)


def _gaps(ink: _Ink, starts: npt.NDArray[np.intp]) -> list[tuple[Gap, ...]]:
    """Give the wider spaces within each segment."""
    found: list[tuple[Gap, ...]] = [()] * len(starts)
    before, after = ink.sides[2, :-1], ink.sides[0, 1:]
    fixed = (ink.looks[:-1] & ink.looks[1:] & CODE).astype(np.bool_)
    wider = (after - before > _GAP_EM * np.maximum(ink.sizes[:-1], ink.sizes[1:])) & ~fixed & ~ink.sideways[1:]
    wider[starts[1:] - 1] = False
    places = np.flatnonzero(wider)
    owners = (np.searchsorted(starts, places, side="right") - 1).tolist()
    counts = (places + 1 - starts[owners]).tolist()
    edges = np.stack((before[places], after[places]), axis=1).astype(np.float64).round(2).tolist()
    for owner, count, (start, end) in zip(owners, counts, edges, strict=True):
        found[owner] = (*found[owner], Gap(start, end, count))
    return found


def _rich_texts(text: str, ink: _Ink, starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> list[str]:
    """Give the text of each segment with switches where its look changes; empty for one that is plain."""
    looks = ink.looks | _shifted(ink, starts, ends)
    changes = np.zeros(len(looks), np.bool_)
    changes[1:] = looks[1:] != looks[:-1]
    changes[starts] = True
    runs = np.flatnonzero(changes)
    of_runs = looks[runs].tolist()
    places = ink.places[runs].tolist()
    bounds = np.searchsorted(runs, np.append(starts, len(looks))).tolist()
    set_apart = np.maximum.reduceat(looks, starts).tolist()
    lasts = (ink.places[ends - 1] + 1).tolist()
    return [
        _rich(text, places[first:after], of_runs[first:after], last) if apart else ""
        for first, after, last, apart in zip(bounds[:-1], bounds[1:], lasts, set_apart, strict=True)
    ]


def _rich(text: str, places: list[int], looks: list[int], last: int) -> str:
    runs = zip(places, [*places[1:], last], looks, strict=True)
    made = _words("".join([SWITCHES[look] + text[start:end] for start, end, look in runs]))
    return made + PLAIN if looks[-1] else made


def _shifted(ink: _Ink, starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """Give the bits of characters that stand higher or lower than the line of their segment, in smaller type."""
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


def _style(ink: _Ink, found: Sequence[Segment]) -> Style:
    """Give the most frequent size of running text, to half a point, and what look most characters have."""
    weights: Counter[float] = Counter()
    for segment in found:
        if len(segment.text) >= _LONG and not segment.monospaced:
            weights[round(segment.size * 2) / 2] += len(segment.text)
    if weights.total() > _ENOUGH * len(ink.sizes):
        size = max(weights.items(), key=lambda item: (item[1], item[0]))[0]
    else:
        size = float(np.bincount(np.clip(ink.sizes * 2 + 0.5, 0, 2000).astype(np.intp)).argmax()) / 2
    common = sum(bit for bit in (BOLD, ITALIC, CODE) if np.count_nonzero(ink.looks & bit) / len(ink.looks) > _MOST)
    return Style(size, bold=bool(common & BOLD), look=common)
