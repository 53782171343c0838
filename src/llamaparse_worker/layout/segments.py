"""Characters to segments: runs of text on one line without a wide gap, found with array operations.

All per-character work ends here; what follows handles about a hundred segments a page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.page import RawPage

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

WIDE_GAP_EM = 0.7
"""A gap wider than this ends a segment: it may be the space between columns or cells."""
_SAME_LINE_OVERLAP = 0.4
_BACKWARD_EM = 0.5
_MOST = 0.8
_LAST_SPACE = 0x3000
_ZERO_WIDTH_SPACE = 0x200B
_SPACES = np.array(
    [chr(code).isspace() or code < ord(" ") or code == _ZERO_WIDTH_SPACE for code in range(_LAST_SPACE + 1)] + [False],
    np.bool_,
)
"""Whether a code is white space; the last place stands for all codes behind."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text on one line; ``size`` in points is the mean over its characters."""

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


@dataclass(frozen=True, slots=True)
class Style:
    """What most characters of a page look like."""

    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class _Ink:
    """The visible characters of a page as parallel arrays; ``places`` are their indices in its text."""

    places: npt.NDArray[np.intp]
    boxes: Floats
    sizes: Floats
    bold: Flags
    monospaced: Flags
    sideways: Flags


def segments(page: RawPage) -> tuple[list[Segment], Style]:
    """Cut the characters of a page into segments, in the order of the file; characters off the page are left out."""
    ink = _ink(page)
    if not len(ink.places):
        return [], Style(0.0, bold=False)
    return _cut(page.text, ink), _style(ink)


def _ink(page: RawPage) -> _Ink:
    codes = np.frombuffer(page.text.encode("utf-32-le", "replace"), np.uint32)
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    visible = ~_SPACES[np.minimum(codes, _LAST_SPACE + 1)]
    across = (boxes[:, 2] > 0) & (boxes[:, 0] < page.width)
    places = np.flatnonzero(visible & across & (boxes[:, 3] > 0) & (boxes[:, 1] < page.height))
    boxes = boxes[places]
    heights = boxes[:, 3] - boxes[:, 1]
    sizes = np.frombuffer(page.sizes, np.float32)[places]
    fonts = np.frombuffer(page.fonts, np.uint16)[places]
    looks = np.array([(font.bold, font.monospaced) for font in page.font_table], np.bool_)[fonts]
    return _Ink(
        places=places,
        boxes=boxes,
        sizes=np.where(sizes > 0, sizes, np.maximum(heights, 1.0)),
        bold=looks[:, 0],
        monospaced=looks[:, 1],
        # Boxes reach from ascender to descender: those of upright letters are higher than wide.
        sideways=boxes[:, 2] - boxes[:, 0] > heights,
    )


def _breaks(ink: _Ink) -> Flags:
    """Tell for each character but the last whether the next one begins a new segment."""
    before, after = ink.boxes[:-1], ink.boxes[1:]
    size = np.maximum(ink.sizes[:-1], ink.sizes[1:])
    shared = np.minimum(before[:, 2:], after[:, 2:]) - np.maximum(before[:, :2], after[:, :2])
    extents = np.minimum(before[:, 2:] - before[:, :2], after[:, 2:] - after[:, :2])
    aligned = shared >= _SAME_LINE_OVERLAP * extents
    ahead = after[:, 0] - before[:, 2]
    upright = aligned[:, 1] & (ahead <= WIDE_GAP_EM * size) & (ahead >= -_BACKWARD_EM * size)
    sideways = ink.sideways[:-1] & ink.sideways[1:] & aligned[:, 0] & (-shared[:, 1] <= WIDE_GAP_EM * size)
    joined: Flags = upright | sideways
    return ~joined


def _cut(text: str, ink: _Ink) -> list[Segment]:
    starts = np.concatenate(([0], np.flatnonzero(_breaks(ink)) + 1))
    ends = np.append(starts[1:], len(ink.places))
    counts = ends - starts

    def mostly(flags: Flags) -> list[bool]:
        found: list[bool] = (np.add.reduceat(flags, starts, dtype=np.intp) > _MOST * counts).tolist()
        return found

    low = np.minimum.reduceat(ink.boxes[:, :2], starts, axis=0).astype(np.float64).round(2).tolist()
    high = np.maximum.reduceat(ink.boxes[:, 2:], starts, axis=0).astype(np.float64).round(2).tolist()
    means = (np.add.reduceat(ink.sizes.astype(np.float64), starts) / counts).round(2).tolist()
    firsts, lasts = ink.places[starts].tolist(), (ink.places[ends - 1] + 1).tolist()
    # A dash alone is wider than high, and yet upright.
    turned = mostly(ink.sideways & np.repeat(counts > 1, counts))
    looks = zip(mostly(ink.bold), mostly(ink.monospaced), turned, strict=True)
    return [
        Segment(x0, y0, x1, y1, size, " ".join(text[first:last].split()), *look)
        for (x0, y0), (x1, y1), size, first, last, look in zip(low, high, means, firsts, lasts, looks, strict=True)
    ]


def _style(ink: _Ink) -> Style:
    """Give the most frequent size, to half a point, and whether most characters are bold."""
    counts = np.bincount(np.clip(ink.sizes * 2 + 0.5, 0, 2000).astype(np.intp))
    return Style(float(counts.argmax()) / 2, bold=bool(ink.bold.mean() > _MOST))
