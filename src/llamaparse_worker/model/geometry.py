"""Boxes on a page. Unit: PDF points (1/72 inch). Origin: top left of the page as it is displayed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from llamaparse_worker.model.value import compiled, unguarded


@unguarded
@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel rectangle: left, top, right, bottom in points from the top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Horizontal extent in points."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Vertical extent in points."""
        return self.y1 - self.y0


class Placed(Protocol):
    """Anything with four sides, such as a box or a piece of text."""

    @property
    def x0(self) -> float:
        """Left in points."""
        ...

    @property
    def y0(self) -> float:
        """Top in points."""
        ...

    @property
    def x1(self) -> float:
        """Right in points."""
        ...

    @property
    def y1(self) -> float:
        """Bottom in points."""
        ...


def enclosing(boxes: Iterable[Placed]) -> Box:
    """Give the smallest box around at least one box."""
    found = boxes if isinstance(boxes, list | tuple) else tuple(boxes)
    made: Box | None = None if compiled is None else compiled.enclosing(Box, found)
    return enclosing_in_python(found) if made is None else made


def enclosing_in_python(found: Sequence[Placed]) -> Box:
    """Do what ``enclosing`` does."""
    return Box(
        min([box.x0 for box in found]),
        min([box.y0 for box in found]),
        max([box.x1 for box in found]),
        max([box.y1 for box in found]),
    )
