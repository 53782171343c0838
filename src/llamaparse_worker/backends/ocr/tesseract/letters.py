"""What may be letters of a page, before any is read: how large they are, and how much their lines slope."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.ocr.engine import Samples

Letters = npt.NDArray[np.float64]
"""Centre, foot and height in pixels of each, shape (n, 3)."""

_ENOUGH_PIXELS = 16_000_000
"""Of a larger picture a band across its middle is looked at, to bound the memory that this takes."""
_MOST_LETTERS = 20_000
_FEWEST_LETTERS = 30
_LEAST_HEIGHT = 4
_LONGEST_SHAPE = 5
"""Longer than high or higher than long by more is a line or a blot."""
_STEEPEST = 10.0
_COARSE, _FINE = 0.5, 0.1
"""Degrees."""
_ROWS_A_LETTER = 4
_CLEARLY = 1.5
"""How far the best slope must stand out from the mean of all: feet that are strewn at random reach 1.2."""


def letters(ink: Samples) -> Letters:
    """Find the connected parts that may be letters, in 1 for ink and 0 for paper."""
    _, _, parts, _ = cv2.connectedComponentsWithStats(_middle(ink))
    x, y, width, height = (parts[1:, column].astype(np.float64) for column in range(4))
    longer, shorter = np.maximum(width, height), np.minimum(width, height)
    may_be = (height >= _LEAST_HEIGHT) & (shorter > 1) & (longer < _LONGEST_SHAPE * shorter)
    may_be &= height < ink.shape[0] / 10
    found = np.stack([x + width / 2, y + height, height], axis=1)[may_be]
    return found[:: 1 + len(found) // _MOST_LETTERS]


def middle_height(found: Letters) -> float:
    """Give the median height; 0 without any letter.

    Each counts by its height, so that the specks of a bad scan, many but small, do not pass for the text.
    """
    if not len(found):
        return 0.0
    heights = np.sort(found[:, 2])
    total = np.cumsum(heights)
    return float(heights[int(np.searchsorted(total, total[-1] / 2))])


def slope(found: Letters) -> float:
    """Give the degrees by which lines slope downward, 0 where that is not clear.

    The feet of letters are counted along rows of each slope; they fall on the fewest rows along that of the lines
    (Baird, "The skew angle of printed documents", 1987).
    """
    size = middle_height(found)
    large = found[found[:, 2] >= size / 2] if size else found
    if len(large) < _FEWEST_LETTERS:
        return 0.0
    slopes = np.arange(-_STEEPEST, _STEEPEST + _COARSE / 2, _COARSE).tolist()
    peaks = [_peak(large, size, degrees) for degrees in slopes]
    coarse = slopes[int(np.argmax(peaks))]
    near = np.arange(coarse - _COARSE, coarse + _COARSE + _FINE / 2, _FINE).tolist()
    best: float = max(near, key=lambda degrees: _peak(large, size, degrees))
    is_clear = _peak(large, size, best) > _CLEARLY * float(np.mean(peaks))
    return round(best, 1) if is_clear else 0.0


def _peak(found: Letters, size: float, degrees: float) -> float:
    """Give how unevenly feet fall on rows of a slope: the sum of the squares of their numbers."""
    level = found[:, 1] - found[:, 0] * np.tan(np.radians(degrees))
    rows = np.floor((level - level.min()) * (_ROWS_A_LETTER / size)).astype(np.int64)
    counts = np.bincount(rows).astype(np.float64)
    return float(counts @ counts)


def _middle(ink: Samples) -> Samples:
    height, width = map(int, ink.shape)
    rows = min(height, max(1, _ENOUGH_PIXELS // width))
    top = (height - rows) // 2
    return ink[top : top + rows]
