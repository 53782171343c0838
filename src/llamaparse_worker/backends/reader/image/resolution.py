"""How large a page is that an image makes: its resolution, from the file where that is plausible.

A page's size in points is pixels × 72 / dpi. Many programs write 72 or 96 dpi without knowing any, so that the photo
of a letter would be as large as a poster: so few dots an inch are believed only if they make a page no larger than A3.
An image without a believable resolution is as long as A4, or has 96 dpi, as screens do, if that makes it shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

POINTS_PER_INCH = 72

_LEAST_DPI = 72.0
_MOST_DPI = 1200.0
_UNSURE_DPI = 96.5
_A3_LONG_PT = 1191.0
_A4_LONG_PT = 842.0
_SCREEN_DPI = 96.0
_MOST_UNEVEN = 3.0
"""How much finer one direction may be: fax has 204 × 98 dpi at least."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """An image as it is displayed, in pixels, and how many of these make an inch."""

    width: int
    height: int
    across_dpi: float
    down_dpi: float

    @property
    def width_pt(self) -> float:
        """Width of the page in points."""
        return self.width * POINTS_PER_INCH / self.across_dpi

    @property
    def height_pt(self) -> float:
        """Height of the page in points."""
        return self.height * POINTS_PER_INCH / self.down_dpi

    @property
    def dpi(self) -> float:
        """The finer of both resolutions."""
        return max(self.across_dpi, self.down_dpi)


def sheet(width: int, height: int, across_dpi: float, down_dpi: float) -> Sheet:
    """Give the page that an image makes; what its file says of its resolution may be anything."""
    if _is_plausible(across_dpi) and _is_plausible(down_dpi):
        made = Sheet(width, height, across_dpi, down_dpi)
        even = max(across_dpi, down_dpi) <= _MOST_UNEVEN * min(across_dpi, down_dpi)
        if even and (made.dpi > _UNSURE_DPI or max(made.width_pt, made.height_pt) <= _A3_LONG_PT):
            return made
    derived = max(_SCREEN_DPI, max(width, height) * POINTS_PER_INCH / _A4_LONG_PT)
    return Sheet(width, height, derived, derived)


def _is_plausible(dpi: float) -> bool:
    return round(_LEAST_DPI - 0.5) <= dpi <= _MOST_DPI
