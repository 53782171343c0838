"""Pages that leave for OCR: in which resolution, whether there is anything to read, and what their pixels tell.

A page without a usable text layer leaves whole. Of one with such a layer the images leave that may hold text; what is
read of them joins the layer.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.characters import characters_of
from llamaparse_worker.layout.quality import text_layer_problem
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.pipeline.image_sizes import large_images
from llamaparse_worker.pipeline.ink import drawn_lines, shows_text

Samples = npt.NDArray[np.uint8]

_LEAST_DPI, _MOST_DPI = 150.0, 300.0
"""Finer than this, letters of print get no clearer; coarser, they are worth enlarging."""

_MOST_REGIONS = 8
_MOST_TEXT = 0.03
"""Share of an image that characters of the text layer may cover: more, and it has been read already, or lies behind."""
_PAPER = 255


def ocr_dpi(page: RawPage, usual: float) -> float:
    """Give the resolution for OCR: that of a scan within limits, or else the ``usual`` one."""
    return min(_MOST_DPI, max(_LEAST_DPI, page.scan_dpi)) if page.scan_dpi else usual


def with_drawn_lines(page: RawPage, image: PixelImage) -> RawPage:
    """Add the lines of a scan to those that the document draws; other pages draw all they have."""
    return replace(page, rules=page.rules + drawn_lines(image).tobytes()) if page.scan_dpi else page


def readable_images(page: RawPage) -> tuple[Box, ...]:
    """Give the images of a page with a usable text layer that are large enough for text and not covered by such."""
    if not page.image_boxes or text_layer_problem(page) is not None:
        return ()
    large = large_images(page)
    if not large:
        return ()
    largest = sorted(large, key=lambda box: (-box.width * box.height, box.y0, box.x0))[:_MOST_REGIONS]
    return tuple(box for box in largest if _covered(page, box) <= _MOST_TEXT)


def only_text_images(page: RawPage, regions: tuple[Box, ...], image: PixelImage) -> Samples | None:
    """Give a page image of which nothing is left but the regions that show text besides that of the layer.

    The result has the shape of the image; None: none shows any.
    """
    pixels = np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width, image.channels)
    unread = _without_layer(page, pixels)
    left = np.full_like(unread, _PAPER)
    found = False
    for box in regions:
        part = _within(box, page, pixels)
        if shows_text(unread[part][:, :, 0], image.dpi):
            left[part] = unread[part]
            found = True
    return left if found else None


def _covered(page: RawPage, box: Box) -> float:
    """Give the share of a box that characters of the page cover."""
    boxes = characters_of(page).boxes
    across = np.minimum(boxes[:, 2], box.x1) - np.maximum(boxes[:, 0], box.x0)
    down = np.minimum(boxes[:, 3], box.y1) - np.maximum(boxes[:, 1], box.y0)
    return float((across.clip(0) * down.clip(0)).sum()) / (box.width * box.height)


def _without_layer(page: RawPage, pixels: Samples) -> Samples:
    """Paint over the characters of the text layer."""
    made = pixels.copy()
    for x0, y0, x1, y1 in characters_of(page).boxes.tolist():
        if x1 > x0 and y1 > y0:
            made[_within(Box(x0, y0, x1, y1), page, pixels)] = _PAPER
    return made


def _within(box: Box, page: RawPage, pixels: Samples) -> tuple[slice, slice]:
    height, width = pixels.shape[:2]
    across, down = width / page.width, height / page.height
    return (
        slice(max(0, floor(box.y0 * down)), max(0, ceil(box.y1 * down))),
        slice(max(0, floor(box.x0 * across)), max(0, ceil(box.x1 * across))),
    )
