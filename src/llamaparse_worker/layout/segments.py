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


@dataclass(frozen=True, slots=True)
class Style:
    """What most characters of a page look like."""

    size: float
    bold: bool


def segments(page: RawPage) -> tuple[list[Segment], Style]:
    """Cut the characters of a page into segments, in the order of the file; characters off the page are left out."""
    codes = np.frombuffer(page.text.encode("utf-32-le", "replace"), np.uint32)
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    ink = np.flatnonzero(~_is_space(codes) & _is_on_page(boxes, page))
    if not len(ink):
        return [], Style(0.0, bold=False)
    kept = boxes[ink]
    heights = kept[:, 3] - kept[:, 1]
    sizes = np.frombuffer(page.sizes, np.float32)[ink]
    sizes = np.where(sizes > 0, sizes, np.maximum(heights, 1.0))
    fonts = np.frombuffer(page.fonts, np.uint16)[ink]
    starts = np.concatenate(([0], np.flatnonzero(_breaks(kept, heights, sizes)) + 1))
    bold = np.array([font.bold for font in page.font_table], np.bool_)[fonts]
    monospaced = np.array([font.monospaced for font in page.font_table], np.bool_)[fonts]
    return _cut(page.text, ink, starts, kept, sizes, bold, monospaced), _style(sizes, bold)


def _is_space(codes: npt.NDArray[np.uint32]) -> Flags:
    wide = (codes >= 0x2000) & (codes <= 0x200B)
    return (codes <= ord(" ")) | (codes == 0xA0) | wide | (codes == 0x2028) | (codes == 0x2029) | (codes == 0x3000)


def _is_on_page(boxes: Floats, page: RawPage) -> Flags:
    across = (boxes[:, 2] > 0) & (boxes[:, 0] < page.width)
    return across & (boxes[:, 3] > 0) & (boxes[:, 1] < page.height)


def _breaks(boxes: Floats, heights: Floats, sizes: Floats) -> Flags:
    """Tell for each character but the last whether the next one begins a new segment."""
    before, after = boxes[:-1], boxes[1:]
    overlap = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 1], after[:, 1])
    gap = after[:, 0] - before[:, 2]
    size = np.maximum(sizes[:-1], sizes[1:])
    found: Flags = (
        (overlap < _SAME_LINE_OVERLAP * np.minimum(heights[:-1], heights[1:]))
        | (gap > WIDE_GAP_EM * size)
        | (gap < -_BACKWARD_EM * size)
    )
    return found


def _cut(  # noqa: PLR0913 - parallel arrays of one page
    text: str,
    ink: npt.NDArray[np.intp],
    starts: npt.NDArray[np.intp],
    boxes: Floats,
    sizes: Floats,
    bold: Flags,
    monospaced: Flags,
) -> list[Segment]:
    ends = np.append(starts[1:], len(ink))
    counts = ends - starts
    low = np.minimum.reduceat(boxes[:, :2], starts, axis=0).astype(np.float64).round(2).tolist()
    high = np.maximum.reduceat(boxes[:, 2:], starts, axis=0).astype(np.float64).round(2).tolist()
    means = (np.add.reduceat(sizes.astype(np.float64), starts) / counts).round(2).tolist()
    bolds = (np.add.reduceat(bold, starts, dtype=np.intp) > _MOST * counts).tolist()
    fixed = (np.add.reduceat(monospaced, starts, dtype=np.intp) > _MOST * counts).tolist()
    firsts, lasts = ink[starts].tolist(), (ink[ends - 1] + 1).tolist()
    return [
        Segment(x0, y0, x1, y1, size, " ".join(text[first:last].split()), is_bold, is_fixed)
        for (x0, y0), (x1, y1), size, first, last, is_bold, is_fixed in zip(
            low, high, means, firsts, lasts, bolds, fixed, strict=True
        )
    ]


def _style(sizes: Floats, bold: Flags) -> Style:
    """Give the most frequent size, to half a point, and whether most characters are bold."""
    counts = np.bincount(np.clip(sizes * 2 + 0.5, 0, 2000).astype(np.intp))
    return Style(float(counts.argmax()) / 2, bold=bool(bold.mean() > _MOST))
