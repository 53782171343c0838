"""The page as its text reads: turned upright and, for scripts that run from right to left, mirrored.

All of the layout is written for text that runs from left to right in lines from top to bottom. A page that reads in
another way is brought into that frame first, and the boxes of what was made of it are brought back afterwards.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.geometry import Box

Floats = npt.NDArray[np.float32]
T = TypeVar("T")


class Moved(ABC):
    """A way in which a page is brought into another frame."""

    __slots__ = ()

    @abstractmethod
    def back(self, box: Box) -> Box:
        """Bring a box from the frame onto the displayed page."""

    def all_back(self, made: T) -> T:
        """Bring every box within a value onto the displayed page."""
        found: T = self._back(made)
        return found

    def _back(self, made: Any) -> Any:  # noqa: ANN401 - walks through any value
        if isinstance(made, Box):
            return self.back(made)
        if isinstance(made, tuple):
            return tuple(map(self._back, made))
        if is_dataclass(made) and not isinstance(made, type):
            names = [field.name for field in fields(made)]
            return replace(made, **{name: self._back(getattr(made, name)) for name in names})
        return made


@dataclass(frozen=True, slots=True)
class Frame(Moved):
    """How a page lies in its reading frame."""

    width: float
    """Of the page as displayed, in points."""
    height: float
    turn: int = 0
    """Clockwise quarter turns in which the text reads on the displayed page."""
    mirrored: bool = False

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the frame."""
        return (self.height, self.width) if self.turn % 2 else (self.width, self.height)

    @property
    def is_page(self) -> bool:
        """Whether the frame is the displayed page itself."""
        return not self.turn and not self.mirrored

    def boxes(self, displayed: Floats) -> Floats:
        """Bring boxes of shape (n, 4) from the displayed page into the frame."""
        x0, y0, x1, y1 = displayed.T
        width, height = np.float32(self.width), np.float32(self.height)
        match self.turn:
            case 1:
                sides = (y0, width - x1, y1, width - x0)
            case 2:
                sides = (width - x1, height - y1, width - x0, height - y0)
            case 3:
                sides = (height - y1, x0, height - y0, x1)
            case _:
                sides = (x0, y0, x1, y1)
        if self.mirrored:
            right = np.float32(self.size[0])
            sides = (right - sides[2], sides[1], right - sides[0], sides[3])
        return np.stack(sides, axis=1)

    def back(self, box: Box) -> Box:
        """Bring a box from the frame onto the displayed page."""
        x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
        if self.mirrored:
            x0, x1 = self.size[0] - x1, self.size[0] - x0
        match self.turn:
            case 1:
                x0, y0, x1, y1 = self.width - y1, x0, self.width - y0, x1
            case 2:
                x0, y0, x1, y1 = self.width - x1, self.height - y1, self.width - x0, self.height - y0
            case 3:
                x0, y0, x1, y1 = y0, self.height - x1, y1, self.height - x0
            case _:
                pass
        return Box(round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))
