"""A PDF page as it is displayed: from its user space to points from the top left."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf import compiled
from llamaparse_worker.backends.reader.pdf.glyphs import Floats
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.backends.reader.pdf.placed import Bounds
from llamaparse_worker.model.characters import TURNS, Trait
from llamaparse_worker.model.geometry import Box


class View:
    """The page as it is displayed: maps user space (origin bottom left) to points from the top left."""

    def __init__(self, page: int) -> None:
        pdfium = library()
        self._page = page
        self.width = round(float(pdfium.FPDF_GetPageWidthF(page)), 3)
        self.height = round(float(pdfium.FPDF_GetPageHeightF(page)), 3)
        self.rotation = int(pdfium.FPDFPage_GetRotation(page)) % 4 * 90
        bounds = ffi.new("FS_RECTF*")
        found = pdfium.FPDF_GetPageBoundingBox(page, bounds)
        self._bounds = (bounds.left, bounds.bottom, bounds.right, bounds.top) if found else (0.0, 0.0, 0.0, 0.0)

    def boxes(self, user: Floats) -> Floats:
        """Map boxes of left, top, right, bottom."""
        if not len(user):
            return user
        way = compiled.displayed if compiled.is_compiled() else displayed
        return way(user, self._bounds, self.rotation // 90)

    def cropped(self, user: Floats) -> npt.NDArray[np.uint8] | None:
        """Mark characters that stand on the sheet, but outside of what is shown of it; None if all of it is."""
        sheet, sides = _sheet()
        if not library().FPDFPage_GetMediaBox(self._page, *sides) or tuple(sheet) == self._bounds:
            return None
        on_sheet, shown = _within(user, tuple(sheet)), _within(user, self._bounds)
        return np.where(on_sheet & ~shown, np.uint8(Trait.CROPPED), np.uint8(0))

    def traits(self, user: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn the direction of characters with the page."""
        if not self.rotation:
            return user
        turned = (user + self.rotation // 90) & TURNS
        upright: npt.NDArray[np.uint8] = np.where(user & Trait.DIAGONAL, user, turned | (user & ~np.uint8(TURNS)))
        return upright.astype(np.uint8)

    def placed(self, bounds: Iterable[Bounds]) -> list[Box]:
        """Map rectangles, cut to the page."""
        given = list(bounds)
        if not given:
            return []
        mapped = self.boxes(np.array(given, np.float32))
        width, height = np.array((self.width, self.height), np.float32).tolist()
        return [
            Box(
                round(min(max(x0, 0.0), width), 2),
                round(min(max(y0, 0.0), height), 2),
                round(min(max(x1, 0.0), width), 2),
                round(min(max(y1, 0.0), height), 2),
            )
            for x0, y0, x1, y1 in mapped.tolist()
        ]

    def box(self, bounds: Bounds) -> Box:
        """Map one rectangle, cut to the page."""
        return self.placed([bounds])[0]


@cache
def _sheet() -> tuple[Any, list[Any]]:
    """Give room for four sides, and where each of them is."""
    sheet = ffi.new("float[4]")
    return sheet, [sheet + side for side in range(4)]


def displayed(user: Floats, bounds: Bounds, quarters: int) -> Floats:
    """Map boxes of left, top, right, bottom on a page that is turned by so many quarters.

    ``bounds`` are left, bottom, right and top of what is shown of the page. The compiled way gives the same.
    """
    left, bottom, right, top = bounds
    x0, x1 = np.minimum(user[:, 0], user[:, 2]), np.maximum(user[:, 0], user[:, 2])
    y0, y1 = np.minimum(user[:, 1], user[:, 3]), np.maximum(user[:, 1], user[:, 3])
    match quarters:
        case 1:
            sides = (y0 - bottom, x0 - left, y1 - bottom, x1 - left)
        case 2:
            sides = (right - x1, y0 - bottom, right - x0, y1 - bottom)
        case 3:
            sides = (top - y1, right - x1, top - y0, right - x0)
        case _:
            sides = (x0 - left, top - y1, x1 - left, top - y0)
    return np.stack(sides, axis=1).astype(np.float32, copy=False)


def _within(user: Floats, bounds: tuple[float, ...]) -> npt.NDArray[np.bool_]:
    """Tell which boxes have their middle within left, bottom, right, top."""
    across, up = (user[:, 0] + user[:, 2]) / 2, (user[:, 1] + user[:, 3]) / 2
    inside: npt.NDArray[np.bool_] = (
        (across >= bounds[0]) & (up >= bounds[1]) & (across <= bounds[2]) & (up <= bounds[3])
    )
    return inside
