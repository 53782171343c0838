"""Where lines of text stand in a picture.

The network gives for every pixel how likely it lies in the shrunken core of a line; lines are the connected cores,
grown back (Liao et al., "Real-time scene text detection with differentiable binarization", 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from llamaparse_worker.backends.ocr.engine import Samples
from llamaparse_worker.backends.ocr.ppocr.network import Floats

Quad = Floats
"""Four corners, shape (4, 2), in pixels: top left, top right, bottom right, bottom left of a line as it stands."""

PORTRAIT, LANDSCAPE = (1408, 1024), (1024, 1408)
"""Heights and widths that the network is prepared for: with sizes known before, it needs a third less time and half of
the memory, 200 MB each. Twice the pixels find hardly more."""
_MOST_ENLARGED = 2.5
_PAPER = 255
_THRESHOLD = 0.2
_LEAST_SCORE = 0.5
_GROWTH = 1.5
_LEAST_CORE = 3.0
_LEAST_EXTENT = 3.0
_MOST_LINES = 3000


def detect(picture: Samples, find: Callable[[Samples], Floats]) -> list[Quad]:
    """Give the lines of a picture, shape (h, w, 3), in no particular order; ``find`` as ``Network`` has it."""
    height, width = picture.shape[:2]
    canvas, scale = _on_canvas(picture)
    probabilities = find(canvas)
    found = (_clipped(quad / scale, width, height) for quad in _lines(probabilities))
    return [quad for quad in found if min(extent(quad)) > _LEAST_EXTENT]


def extent(quad: Quad) -> tuple[float, float]:
    """Give length and height of a line in pixels."""
    across = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]))
    down = max(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1]))
    return float(across), float(down)


def _on_canvas(picture: Samples) -> tuple[Samples, float]:
    """Give the picture as large as it fits on the canvas of its shape, at its top left, and the scale."""
    height, width = picture.shape[:2]
    rows, columns = LANDSCAPE if width > height else PORTRAIT
    scale = min(rows / height, columns / width, _MOST_ENLARGED)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.full((rows, columns, 3), _PAPER, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=method)
    return canvas, scale


def _lines(probabilities: Floats) -> Iterator[Quad]:
    cores = cv2.dilate((probabilities > _THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(cores, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours[:_MOST_LINES]:
        (x, y), (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _LEAST_CORE:
            continue
        core = np.asarray(cv2.boxPoints(((x, y), (width, height), angle)), np.float32)
        if _score(probabilities, core) < _LEAST_SCORE:
            continue
        growth = width * height * _GROWTH / (width + height)
        yield ordered(cv2.boxPoints(((x, y), (width + growth, height + growth), angle)).astype(np.float32))


def _score(probabilities: Floats, corners: Floats) -> float:
    """Give the mean probability within a rectangle."""
    height, width = probabilities.shape
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (width - 1, height - 1)).astype(int)
    mask = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - (x0, y0)).astype(np.int32)], 1)
    return float(cv2.mean(probabilities[y0 : y1 + 1, x0 : x1 + 1], mask)[0])


def ordered(corners: Floats) -> Quad:
    """Bring corners into the order of ``Quad``."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (side[np.argsort(side[:, 1], kind="stable")] for side in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def _clipped(quad: Quad, width: int, height: int) -> Quad:
    return np.clip(quad, 0, np.array([width - 1, height - 1], np.float32)).astype(np.float32)
