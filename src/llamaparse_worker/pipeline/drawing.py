"""Draws a page, or a part of it, for a model to look at."""

from __future__ import annotations

from math import ceil, floor
from pathlib import Path

import numpy as np

from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.interfaces import Illustrated, OpenDocument
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.parsing import Draw

MEDIA_TYPE = "image/jpeg"
_QUALITY = 85
_POINTS_PER_INCH = 72
_SHARPEST_DPI = 300.0
"""More shows nothing new of a small part."""


def draw(request: Draw, pages: OpenDocument) -> ResultFile:
    """Write the JPEG that is asked for.

    Raises:
        PageUnreadable: the reader draws no pages, or the part lies outside.
    """
    if not isinstance(pages, Illustrated):
        raise PageUnreadable(f"Pages of this format cannot be drawn; page {request.page} has no image.")
    page = pages.read(request.page)
    part = request.part or Box(0.0, 0.0, page.width, page.height)
    longest = max(part.width, part.height)
    if longest <= 0:
        raise PageUnreadable(f"A part of page {request.page} without extent cannot be drawn.")
    dpi = min(_SHARPEST_DPI, request.longest_side * _POINTS_PER_INCH / longest)
    with pages.screenshot(request.page, dpi=dpi) as image:
        encoded = _jpeg(_cut(image, request.part))
    file = Path(request.file)
    file.write_bytes(encoded)
    return ResultFile(file.name, len(encoded), MEDIA_TYPE)


def _cut(image: PixelImage, part: Box | None) -> np.ndarray:
    pixels = np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width, image.channels)
    if part is None:
        return pixels
    scale = image.dpi / _POINTS_PER_INCH
    left, top = max(0, floor(part.x0 * scale)), max(0, floor(part.y0 * scale))
    cut = pixels[top : ceil(part.y1 * scale), left : ceil(part.x1 * scale)]
    if not cut.size:
        raise PageUnreadable("A part that lies outside of the page cannot be drawn.")
    return cut


def _jpeg(pixels: np.ndarray) -> bytes:
    import pyvips  # noqa: PLC0415 - most parser processes draw nothing

    height, width, channels = pixels.shape
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels).data, width, height, channels, "uchar")
    return bytes(image.jpegsave_buffer(Q=_QUALITY))
