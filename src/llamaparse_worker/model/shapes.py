"""What a page is drawn with beside its text: evidence of where its figures are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ShapeKind(IntEnum):
    """What a drawn shape may be part of."""

    RULE = 0
    """A line that is level or upright, or as thin as one."""
    FRAME = 1
    """Level and upright lines, such as a rectangle; not filled."""
    FILL = 2
    """Level and upright edges, filled with something darker than paper."""
    DRAWING = 3
    """Curves, slanted lines or a shading."""
    IMAGE = 4


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes of a page in drawing order, some of very many.

    ``boxes`` is float32, shape (n, 4): x0, y0, x1, y1 in points from the top left of the page as displayed, cut to
    their clip paths where these are simple. ``kinds`` is uint8, shape (n,): a ``ShapeKind`` each.
    """

    boxes: bytes = b""
    kinds: bytes = b""
    is_costly: bool = False
    """Whether the page has so many shapes that it is not to be drawn for the sake of its figures."""
