"""A page image as Tesseract reads it best: grey, dark on light, letters large enough, upright and level.

Tesseract was trained on lines whose small letters are about 20 pixels high. It does not scale by itself while it looks
for lines, so pictures with smaller letters, such as faxes, are enlarged. How large letters are is measured, since the
resolution of a picture says little about its text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.ocr.engine import Picture, Samples
from llamaparse_worker.backends.ocr.tesseract.letters import letters, middle_height, slope
from llamaparse_worker.model.geometry import Box

_POINTS = 72.0
_LETTER_HEIGHT = 20.0
_LARGEST_FACTOR = 3.0
WORTH_DETECTING, WORTH_READING = 1.1, 1.35
"""Pictures are enlarged by more than this, or not at all. Scripts are told better from large letters; lines are scaled
before they are read, so that print of ten points at 200 dpi reads as well as it is, and costs less."""
_MOST_PIXELS = 50_000_000
_LONGEST_SIDE = 32_000
"""Tesseract counts pixels of a side in 16 bits."""
_GENTLE_SLOPE = 2.0
"""Degrees; Tesseract follows such lines by itself, and loses steeper ones. To turn a picture blurs it a little."""
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
"""What makes a page upright whose text reads in so many clockwise quarter turns."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Grey samples, shape (h, w), made from a picture by scaling, then turning upright, then levelling."""

    samples: Samples
    dpi: float
    turn: int = 0
    """Clockwise quarter turns that were taken back."""
    skew: float = 0.0
    """Degrees by which the lines of the upright picture slope downward."""
    back: npt.NDArray[np.float64] | None = None
    """Leads from level pixels to upright ones, if a slope was taken back: an affine transform, shape (2, 3)."""
    upright_size: tuple[int, int] = (0, 0)
    """Width and height before levelling."""

    def upright(self, turn: int) -> Prepared:
        """Take back a turn of the text; not after levelling."""
        if not turn:
            return self
        turned = np.asarray(cv2.rotate(self.samples, _TURNS[turn]), np.uint8)
        return replace(self, samples=turned, turn=turn)

    def level(self) -> Prepared:
        """Find the slope of the lines and take a steep one back; the sheet grows so that nothing is cut off."""
        degrees = slope(letters(_ink(self.samples)))
        if abs(degrees) <= _GENTLE_SLOPE:
            return replace(self, skew=degrees)
        height, width = map(int, self.samples.shape)
        angle = math.radians(abs(degrees))
        size = (
            math.ceil(width * math.cos(angle) + height * math.sin(angle)),
            math.ceil(height * math.cos(angle) + width * math.sin(angle)),
        )
        forth = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), np.float64)
        forth[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
        paper = float(np.median(self.samples[::8, ::8]))
        made = cv2.warpAffine(self.samples, forth, size, flags=cv2.INTER_CUBIC, borderValue=(paper,))
        back = np.asarray(cv2.invertAffineTransform(forth), np.float64)
        return replace(self, samples=np.asarray(made, np.uint8), skew=degrees, back=back, upright_size=(width, height))

    def place(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """Give where pixels of ``samples`` lie on the picture, in points; the box around a sloping word is larger."""
        height, width = map(int, self.samples.shape)
        if self.back is not None:
            width, height = self.upright_size
            corners = np.array([(x, y, 1) for x in (x0, x1) for y in (y0, y1)]) @ self.back.T
            corners = corners.clip(0, (width, height))
            (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        match self.turn:
            case 1:
                x0, y0, x1, y1 = height - y1, x0, height - y0, x1
            case 2:
                x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
            case 3:
                x0, y0, x1, y1 = y0, width - x1, y1, width - x0
        scale = _POINTS / self.dpi
        return Box(x0 * scale, y0 * scale, x1 * scale, y1 * scale)


def prepared(picture: Picture, worth: float = WORTH_DETECTING) -> Prepared:
    """Make a picture grey, dark on light and large enough; it is enlarged by more than ``worth``, or not at all."""
    samples = picture.samples
    grey = np.asarray(cv2.cvtColor(samples, cv2.COLOR_RGB2GRAY) if samples.shape[2] > 1 else samples[:, :, 0], np.uint8)
    ink = _ink(grey)
    if ink.mean() > 0.5:  # noqa: PLR2004 - more ink than paper: it is the paper that is dark
        grey, ink = np.asarray(cv2.bitwise_not(grey), np.uint8), np.asarray(1 - ink, np.uint8)
    factor = _factor(grey, middle_height(letters(ink)), worth)
    if factor != 1:
        way = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        grey = np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=way), np.uint8)
    return Prepared(np.ascontiguousarray(grey), picture.dpi * factor)


def _ink(grey: Samples) -> Samples:
    """Give 1 for ink, 0 for paper (Otsu, "A threshold selection method from gray-level histograms", 1979)."""
    _, made = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    return np.asarray(made, np.uint8)


def _factor(grey: Samples, letter_height: float, worth: float) -> float:
    height, width = map(int, grey.shape)
    most: float = min(_LONGEST_SIDE / max(height, width), math.sqrt(_MOST_PIXELS / (height * width)))
    wanted = min(_LARGEST_FACTOR, _LETTER_HEIGHT / letter_height) if letter_height else 1.0
    return min(most, wanted if wanted > worth else 1.0)
