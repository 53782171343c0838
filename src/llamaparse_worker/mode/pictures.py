"""Pictures of a page and its parts, as large as models see and take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.errors import LimitExceeded, PageUnreadable, ParserCrashed
from llamaparse_worker.interfaces import PageView
from llamaparse_worker.mode.estimates import tokens_of_picture
from llamaparse_worker.model.deployment import Deployment, Profile
from llamaparse_worker.model.genai import Image
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage

_LONGEST_SIDE = 1288
"""Pixels: text of 8 points on A4 is 14 pixels high, and a page costs some 1,600 tokens of the 2,500 that the published
figures grant a call with a picture. The size that olmOCR renders pages in."""
_PIXELS_A_POINT = 2.0
"""Of parts of a page: 144 dpi."""
_LIGHTER = 0.6
_TRIES = 3
_HEADROOM = 0.9


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and how many tokens it is estimated to take."""

    image: Image
    tokens: int


class Pictures:
    """Draws one page within what all deployments take that may be asked.

    ``failures`` says why something could not be drawn.
    """

    def __init__(self, view: PageView, page: LaidOutPage, deployments: Sequence[Deployment]) -> None:
        self._view = view
        self._page = page
        profiles = [one.profile for one in deployments] or [Profile()]
        self._side = min([_LONGEST_SIDE, *(one.max_image_side for one in profiles)])
        self._bytes = min(one.max_image_bytes for one in profiles)
        self.failures: list[str] = []

    async def whole(self, *, lighter: bool = False) -> Picture | None:
        """Draw all of the page; ``lighter`` asks for fewer pixels. None where it cannot be drawn."""
        side = int(self._side * _LIGHTER) if lighter else self._side
        return await self._drawn(side, None, self._page.width, self._page.height)

    async def part(self, box: Box) -> Picture | None:
        """Draw a part of the page, in points from the top left; None where it cannot be drawn."""
        side = min(self._side, math.ceil(max(box.width, box.height) * _PIXELS_A_POINT))
        return await self._drawn(side, box, box.width, box.height)

    async def _drawn(self, side: int, part: Box | None, width: float, height: float) -> Picture | None:
        shape = min(width, height) / max(width, height, 1.0)
        try:
            for _ in range(_TRIES):
                image = await self._view.picture(longest_side=side, part=part)
                if len(image.content) <= self._bytes:
                    return Picture(image, tokens_of_picture(side, shape))
                side = max(1, int(side * _HEADROOM * math.sqrt(self._bytes / len(image.content))))
        except (PageUnreadable, LimitExceeded, ParserCrashed) as error:
            self.failures.append(f"the page cannot be drawn: {error.message}")
            return None
        self.failures.append(f"the picture of the page takes more than {self._bytes} bytes")
        return None
