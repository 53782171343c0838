"""Page images as PNG files for an OCR service: fast rather than small, since the way there is short."""

from __future__ import annotations

import pyvips

from llamaparse_worker.model.images import PixelImage

_MILLIMETRES_PER_INCH = 25.4
_FASTEST = 1

pyvips.cache_set_max(0)  # what is cached would hold the samples


def encode(image: PixelImage) -> bytes:
    """Give the image as PNG that names its resolution; call it in a thread."""
    pixels = pyvips.Image.new_from_memory(image.samples, image.width, image.height, image.channels, "uchar")
    resolution = image.dpi / _MILLIMETRES_PER_INCH
    interpretation = "b-w" if image.channels == 1 else "srgb"
    named = pixels.copy(xres=resolution, yres=resolution, interpretation=interpretation)
    content: bytes = named.pngsave_buffer(compression=_FASTEST, filter="none", keep="none")
    return content
