"""Image files of strangers as pixels, with libvips: few formats, bounded size, one upright 8-bit page.

The loader is chosen by the first bytes of the content and called by its name, so that none of libvips' other loaders
ever sees a file; those that it calls untrusted are switched off besides. Call it in a thread, under a limit.
"""

from __future__ import annotations

import pyvips

from llamaparse_worker.errors import LimitExceeded, PageUnreadable, UnsupportedFormat
from llamaparse_worker.model.images import PixelImage

UNKNOWN_DPI = 200.0
"""The resolution of an image that names none, or one at which no page is scanned; that of pages drawn for OCR."""
_LEAST_DPI, _MOST_DPI = 50.0, 1200.0
_MILLIMETRES_PER_INCH = 25.4
_WHITE = 255
_RGB = 3

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)

pyvips.block_untrusted_set(state=True)
pyvips.cache_set_max(0)  # no image comes twice, and what is cached is held


def decode(content: bytes, *, max_pixels: int) -> PixelImage:
    """Decode a PNG, JPEG, TIFF (its first page) or WebP image.

    It is turned as its EXIF orientation says, laid on white where it is transparent, and has 8 bits a sample, grey or
    RGB. Size is judged by the header, before a pixel is decoded.

    Raises:
        UnsupportedFormat: it is no image of these formats.
        LimitExceeded: it has more than ``max_pixels`` pixels.
        PageUnreadable: it is damaged or cut short.
    """
    kind = _kind(content)
    try:
        image = _LOADERS[kind](content, access="sequential", fail_on="error")
        pixels = image.width * image.height
        if pixels > max_pixels:
            raise LimitExceeded(f"the image has {pixels} pixels; MAX_PAGE_PIXELS allows {max_pixels}")
        dpi = _resolution(image)
        image = _upright(_eight_bits(image))
        samples = image.write_to_memory()
    except pyvips.Error:  # its text quotes the file
        raise PageUnreadable(f"the image cannot be decoded: it is no sound {kind.upper()} file") from None
    return PixelImage(image.width, image.height, image.bands, memoryview(samples).cast("B"), dpi)


_LOADERS = {
    "png": pyvips.Image.pngload_buffer,
    "jpeg": pyvips.Image.jpegload_buffer,
    "tiff": pyvips.Image.tiffload_buffer,
    "webp": pyvips.Image.webpload_buffer,
}


def _kind(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    raise UnsupportedFormat("the image is neither PNG nor JPEG, TIFF or WebP")


def _eight_bits(image: pyvips.Image) -> pyvips.Image:
    grey = image.interpretation in {"b-w", "grey16"}
    image = image.colourspace("b-w" if grey else "srgb")
    if image.hasalpha():
        image = image.flatten(background=_WHITE)
    channels = 1 if grey else _RGB
    if image.bands > channels:
        image = image.extract_band(0, n=channels)
    return image.cast("uchar")


def _upright(image: pyvips.Image) -> pyvips.Image:
    if image.get_typeof("orientation") == 0 or image.get("orientation") == 1:
        return image
    return image.copy_memory().autorot()  # rows come in another order than they are decoded in


def _resolution(image: pyvips.Image) -> float:
    """Give dots per inch; libvips counts pixels a millimetre."""
    dpi = image.xres * _MILLIMETRES_PER_INCH
    return dpi if _LEAST_DPI <= dpi <= _MOST_DPI else UNKNOWN_DPI
