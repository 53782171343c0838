"""Which images of a page are large enough to say something."""

from __future__ import annotations

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage

_LEAST_SIDE_PT = 36.0
_LEAST_SHARE = 0.02
"""Of the page: what is smaller is a logo, a button or an ornament as a rule."""


def large_images(page: RawPage) -> frozenset[Box]:
    """Give where the large images of a page are, in points; two in the same place count once."""
    return frozenset(
        box
        for box in page.image_boxes
        if min(box.width, box.height) >= _LEAST_SIDE_PT and share_of_page(box, page) >= _LEAST_SHARE
    )


def share_of_page(box: Box, page: RawPage) -> float:
    """Give the share of a page, from 0 to 1, that a box within it takes."""
    return box.width * box.height / max(1.0, page.width * page.height)
