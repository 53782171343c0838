"""What stands out from the paper of a page image: whether there is anything to read, and the lines that are drawn.

Ink is what is darker than its surroundings, so that neither the shade of the paper nor the shadow of a fold is ink
(thresholding by the local mean: Sauvola and Pietikäinen, "Adaptive document image binarization", 2000, compare it with
others). Sizes below are in points of the page, whatever the resolution.
"""

from __future__ import annotations

from math import sqrt

import cv2
import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.images import PixelImage

Samples = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_POINTS_PER_INCH = 72
_GLANCE_DPI, _LINES_DPI = 100.0, 150.0
_MOST_PIXELS = 8_000_000
"""What is larger is looked at in a lower resolution, so that the time that a page takes is bounded."""

_SURROUNDINGS_PT = 18.0
_FAINTEST = 24
"""Of 255: pencil and faded type are about twice as dark, the grain of scanners a quarter."""
_SPECKS_ABOVE_DPI = 150.0
"""From here on letters have strokes of two pixels and more, and what is single is a speck."""
_LEAST_LETTER_PT = 2.8
_LEAST_LETTER_AREA = 4.0
"""In square points: a full stop is no page's only sign."""

_EDGE_PT, _EDGE = 18.0, 0.05
"""How far in, in points and as a share of the shorter side, what begins at an edge of the image may be its shadow."""
_MOST_LETTER_PT = 40.0
_LEAST_LETTER_FILL = 0.15
_MOST_LETTERS = 1_500
_LEAST_ROW = 4
_LEAST_IN_ROWS = 0.2

_LEAST_LINE_PT = 20.0
_MOST_THICK_PT = 4.0
_LEAST_SLENDER = 6.0
_MOST_SLOPE = 0.08
_MOST_LINES = 2_000

cv2.setNumThreads(1)  # one document a process: more threads would only wait for each other


def has_ink(image: PixelImage) -> bool:
    """Tell whether a page image shows a mark as large as a small letter, other than shadows at its edges.

    Grain and specks of a scanner are none. In doubt there is ink, as a page that is passed over is lost.
    """
    grey = _grey(image)
    if image.dpi >= _SPECKS_ABOVE_DPI:
        grey = cv2.medianBlur(grey, 3).astype(np.uint8, copy=False)
    grey, scale = _shrunk(grey, image.dpi, _GLANCE_DPI)
    _, labels, found, _ = cv2.connectedComponentsWithStats(_ink(grey, scale), connectivity=8)
    left, top, width, height, area = found[1:].T
    edge = max(1, round(min(_EDGE_PT * scale, _EDGE * min(grey.shape))))
    at_edge = (left == 0) | (top == 0) | (left + width == grey.shape[1]) | (top + height == grey.shape[0])
    inner = np.bincount(labels[edge:-edge, edge:-edge].ravel(), minlength=len(found))[1:]
    large = np.where(at_edge, inner, area) >= _LEAST_LETTER_AREA * scale * scale
    return bool((large & (np.maximum(width, height) >= _LEAST_LETTER_PT * scale)).any())


def shows_text(grey: Samples, dpi: float) -> bool:
    """Tell whether a part of a page image may hold text: shapes of about one height in a row, dark or bright.

    ``grey`` has the shape (height, width). What is no text is told so in most cases only: this saves time.
    """
    small, scale = _shrunk(grey, dpi, _LINES_DPI)
    return _has_rows(small, scale) or _has_rows(255 - small, scale)


def _has_rows(grey: Samples, scale: float) -> bool:
    _, _, found, _ = cv2.connectedComponentsWithStats(_ink(grey, scale), connectivity=8)
    left, top, width, height, area = found[1:].T.astype(np.float32)
    letters = (height >= _LEAST_LETTER_PT * scale) & (height <= _MOST_LETTER_PT * scale) & (width <= 4 * height)
    letters &= area >= _LEAST_LETTER_FILL * width * height
    chosen = np.flatnonzero(letters)[:_MOST_LETTERS]
    if len(chosen) < _LEAST_ROW:
        return False
    x0, y0, across, down = left[chosen], top[chosen], width[chosen], height[chosen]
    lower = np.minimum(down[:, None], down[None, :])
    gap = x0[None, :] - (x0 + across)[:, None]
    shared = np.minimum((y0 + down)[:, None], (y0 + down)[None, :]) - np.maximum(y0[:, None], y0[None, :])
    follows = (gap > -0.2 * lower) & (gap < lower) & (shared > lower / 2)
    follows &= np.maximum(down[:, None], down[None, :]) < 2 * lower
    within = int((follows.any(axis=0) & follows.any(axis=1)).sum())
    return within >= _LEAST_ROW and within >= _LEAST_IN_ROWS * len(chosen)


def drawn_lines(image: PixelImage) -> Floats:
    """Find lines drawn level or upright, or nearly so; gives boxes in points without extent across, shape (n, 4).

    Method: morphological opening with a line as long as no stroke of a letter is, which leaves only what is at least
    so long (compare Gatos et al., "Automatic table detection in document images", ICAPR 2005); of the components that
    are left, those count that are thin all along. A line that slopes a little is given at its middle.
    """
    grey, scale = _shrunk(_grey(image), image.dpi, _LINES_DPI)
    ink = _ink(grey, scale)
    level = _lines_across(ink, scale)
    upright = _lines_across(np.ascontiguousarray(ink.T), scale)[:, [1, 0, 3, 2]]
    return np.concatenate((level, upright)).astype(np.float32)


def _lines_across(ink: Samples, scale: float) -> Floats:
    length = max(3, round(_LEAST_LINE_PT * scale))
    # Thickened first, a line that slopes by a few pixels still has runs as long as the opening asks for.
    thick = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    _, _, found, centres = cv2.connectedComponentsWithStats(opened, connectivity=8)
    stats, middles = found[1:].astype(np.float64), centres[1:, 1]
    left, _, width, height, area = stats.T
    thickness = np.maximum(1.0, area / np.maximum(width, 1.0) - 2)
    slender = (thickness <= _MOST_THICK_PT * scale) & (width >= _LEAST_SLENDER * thickness)
    chosen = np.flatnonzero(slender & (height <= thickness + 2 + _MOST_SLOPE * width))[:_MOST_LINES]
    y = middles[chosen] + 0.5
    boxes = np.stack((left[chosen], y, left[chosen] + width[chosen], y), axis=1) / scale
    return boxes.astype(np.float32)


def _grey(image: PixelImage) -> Samples:
    pixels = np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width, image.channels)
    return pixels[:, :, 0] if image.channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8)


def _shrunk(grey: Samples, dpi: float, wanted_dpi: float) -> tuple[Samples, float]:
    """Give an image in about a resolution, never a larger one, and its pixels a point."""
    factor = min(1.0, wanted_dpi / dpi, sqrt(_MOST_PIXELS / grey.size))
    if factor < 1:
        size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return grey, dpi * factor / _POINTS_PER_INCH


def _ink(grey: Samples, scale: float) -> Samples:
    """Give 1 where a pixel is darker than the mean around it, else 0."""
    around = max(3, round(_SURROUNDINGS_PT * scale) | 1)
    made = cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, around, _FAINTEST)
    return made.astype(np.uint8)
