"""A page whose lines slope a little, turned straight for the layout; what is made of it is brought back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.frames import Moved
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word

Places = npt.NDArray[np.float64]

LEAST_SKEW = 0.1
"""Degrees; less is a point on the width of a page."""

_LEAST_DETERMINANT = 0.3
_LEAST_PART = 0.02


@dataclass(frozen=True, slots=True)
class Skew(Moved):
    """A rotation of the page onto a sheet as large as it then needs."""

    width: float
    """Of the page as displayed, in points."""
    height: float
    degrees: float
    """By which lines slope downward in their reading direction."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the sheet on which lines are level."""
        along, across = cos(radians(self.degrees)), abs(sin(radians(self.degrees)))
        return self.width * along + self.height * across, self.height * along + self.width * across

    def straight(self, page: RawPage, words: tuple[Word, ...]) -> tuple[RawPage, tuple[Word, ...]]:
        """Bring recognised words, and what is drawn on their page, into the frame in which lines are level."""
        boxes = np.array([(one.box.x0, one.box.y0, one.box.x1, one.box.y1) for one in words]).reshape(-1, 4)
        turned = self._words(boxes).round(2).tolist()
        width, height = self.size
        level = replace(page, width=width, height=height, rules=self._drawn(page.rules), fills=self._drawn(page.fills))
        return level, tuple(replace(word, box=Box(*sides)) for word, sides in zip(words, turned, strict=True))

    def back(self, box: Box) -> Box:
        """Give the box around where a box of the straight frame lies on the page."""
        corners = np.array([(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
        middle = np.array((self.width, self.height)) / 2
        points = (corners - np.array(self.size) / 2) @ self._matrix(self.degrees) + middle
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        x0, x1 = (round(min(max(0.0, x), self.width), 2) for x in (x0, x1))
        y0, y1 = (round(min(max(0.0, y), self.height), 2) for y in (y0, y1))
        return Box(x0, y0, x1, y1)

    def _words(self, boxes: Places) -> Places:
        """Turn boxes around sloping words into those of the words: they are lower, and a little shorter.

        The box around a rectangle of width w and height h that slopes by an angle a has the sides w cos a + h sin a
        and w sin a + h cos a; these are solved for w and h.
        """
        angle = abs(radians(self.degrees))
        across, down = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        determinant = max(_LEAST_DETERMINANT, cos(2 * angle))
        width = (across * cos(angle) - down * sin(angle)) / determinant
        height = (down * cos(angle) - across * sin(angle)) / determinant
        # A box that has no such rectangle in it has been given along the lines, not around them.
        fits = (width > _LEAST_PART * across) & (height > _LEAST_PART * down)
        return self._about(boxes, np.where(fits, width, across), np.where(fits, height, down))

    def _drawn(self, drawn: bytes) -> bytes:
        """Move lines and areas by their middles; their extents stay."""
        boxes = np.frombuffer(drawn, np.float32).reshape(-1, 4).astype(np.float64)
        moved = self._about(boxes, boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        return moved.astype(np.float32).tobytes()

    def _about(self, boxes: Places, width: Places, height: Places) -> Places:
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array((self.width, self.height)) / 2
        middles = middles @ self._matrix(-self.degrees) + np.array(self.size) / 2
        half = np.stack((width, height), axis=1) / 2
        return np.concatenate((middles - half, middles + half), axis=1)

    @staticmethod
    def _matrix(degrees: float) -> Places:
        """Give what turns rows of x and y clockwise, as y grows downward."""
        angle = radians(degrees)
        return np.array(((cos(angle), sin(angle)), (-sin(angle), cos(angle))))
