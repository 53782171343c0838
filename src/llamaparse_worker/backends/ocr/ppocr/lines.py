"""How the lines of a picture lie: their direction, their slope, and the places of their words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from llamaparse_worker.backends.ocr.ppocr.detection import Quad, extent
from llamaparse_worker.backends.ocr.ppocr.network import Floats
from llamaparse_worker.backends.ocr.ppocr.recognition import ReadLine, is_downward
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Word

_LONG = 4.0
"""Heights of a line from which on its slope is told well."""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of the picture that has been read."""

    quad: Quad
    read: ReadLine
    flipped: bool
    """Whether it stands on its head, as seen from how ``line_picture`` cuts it out."""

    @property
    def along(self) -> Floats:
        """The way from its first to its last character, in pixels."""
        way = self.quad[3] - self.quad[0] if is_downward(self.quad) else self.quad[1] - self.quad[0]
        return np.asarray(-way if self.flipped else way, np.float32)

    @property
    def down(self) -> Floats:
        """The way from its top to its bottom."""
        way = self.quad[0] - self.quad[1] if is_downward(self.quad) else self.quad[3] - self.quad[0]
        return np.asarray(-way if self.flipped else way, np.float32)

    @property
    def start(self) -> Floats:
        """Its top left corner, as it is read."""
        first = 1 if is_downward(self.quad) else 0
        return np.asarray(self.quad[(first + 2) % 4 if self.flipped else first], np.float32)

    def words(self, scale: float) -> Iterator[Word]:
        """Give its words with boxes as high as the line on the picture, in pixels times ``scale``."""
        for word in self.read.words:
            begin, end = self.start + self.along * word.start, self.start + self.along * word.end
            corners = np.stack((begin, end, begin + self.down, end + self.down)) * scale
            (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
            yield Word(word.text, Box(round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)), word.confidence)


def are_mostly_downward(quads: Sequence[Quad]) -> bool:
    """Tell whether most of the text, by length, is written downward or upward."""
    signed = [max(extent(quad)) * (1 if is_downward(quad) else -1) for quad in quads]
    return sum(signed) > 0


def skew(lines: Sequence[PlacedLine], turn: int) -> float:
    """Give the slope of the lines in degrees, in the direction of ``turn``: the median over their length."""
    slopes = []
    for line in lines:
        across, down = line.along.tolist()
        length = math.hypot(across, down)
        slope = (math.degrees(math.atan2(down, across)) - 90 * turn + 180) % 360 - 180
        if length > _LONG * float(np.linalg.norm(line.down)) and abs(slope) < 45:  # noqa: PLR2004 - of this direction
            slopes.append((slope, length))
    slopes.sort()
    half, passed = sum(length for _, length in slopes) / 2, 0.0
    for slope, length in slopes:
        passed += length
        if passed >= half:
            return round(slope, 2)
    return 0.0


def in_reading_order(lines: Sequence[PlacedLine], turn: int, slope: float) -> list[PlacedLine]:
    """Sort lines as their text is read, from top to bottom, and those level with each other from left to right."""
    angle = math.radians(90 * turn + slope)
    across, down = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    placed = [(float(line.quad.mean(axis=0) @ down), float(line.start @ across), line) for line in lines]
    rows: list[list[tuple[float, PlacedLine]]] = []
    bottom = -math.inf
    for middle, left, line in sorted(placed, key=lambda one: one[0]):
        if middle > bottom:
            rows.append([])
            bottom = middle + float(np.linalg.norm(line.down)) / 2
        rows[-1].append((left, line))
    return [line for row in rows for _, line in sorted(row, key=lambda one: one[0])]
