"""The images that are embedded in a PDF page, as they are stored or else as pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.alone import jpeg_alone
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import EmbeddedImage

Samples = npt.NDArray[np.uint8]

_JPEG = b"DCTDecode"
_JPEG_START = b"\xff\xd8\xff"
_PLAIN_COLOURS = {(8, 1), (24, 2), (8, 4), (24, 5), (8, 7), (24, 7)}
"""Bits of a pixel and colour space with which viewers may show a JPEG right: grey and RGB, calibrated or not."""
_FORMATS = {1: 1, 2: 3, 3: 4, 4: 4}
"""Bytes of a pixel by PDFium's bitmap format: grey, BGR, BGRx, BGRA."""
_WITH_ALPHA = 4
_GREY_BITS = 8
_GLANCE = 128
"""Pixels along the longer side of two drawings that are compared."""
_SAME = 16
"""Steps of 256 between samples that are the same but for rounding, as in another profile of the same colours."""
_SMALLEST = 3
"""Pixels; what is smaller in either direction is a rule or a spacer."""


def embedded_image(document: int, page: int, handle: int, box: Box, max_pixels: int) -> EmbeddedImage | None:
    """Give an image object with what masks and colour spaces make of it; None: it is none or cannot be decoded."""
    data = ffi.new("FPDF_IMAGEOBJ_METADATA*")
    if not library().FPDFImageObj_GetImageMetadata(handle, page, data):
        return None
    width, height = int(data.width), int(data.height)
    if min(width, height) < _SMALLEST:
        return None
    if _is_plain_jpeg(handle, data):
        stored = _stored(handle)
        grey = data.bits_per_pixel == _GREY_BITS
        if stored.startswith(_JPEG_START) and _is_shown_as_stored(
            document, page, handle, stored, width, height, grey=grey
        ):
            return EmbeddedImage(box, width, height, jpeg=stored)
    scale = min(1.0, sqrt(max_pixels / (width * height)))
    samples = _drawn(document, page, handle, max(1, int(width * scale)), max(1, int(height * scale)))
    if samples is None:
        return None
    height, width, channels = samples.shape
    return EmbeddedImage(box, width, height, samples=samples.tobytes(), channels=channels)


def _is_plain_jpeg(handle: int, data: object) -> bool:
    pdfium = library()
    filters = pdfium.FPDFImageObj_GetImageFilterCount(handle)
    if filters < 1 or pdfium.FPDFPageObj_HasTransparency(handle):
        return False
    name = ffi.new("char[]", 32)
    size = pdfium.FPDFImageObj_GetImageFilter(handle, filters - 1, name, 32)
    colours = getattr(data, "bits_per_pixel"), getattr(data, "colorspace")  # noqa: B009 - a C struct has no type
    return bytes(ffi.buffer(name, max(0, size - 1))) == _JPEG and colours in _PLAIN_COLOURS


def _is_shown_as_stored(
    document: int, page: int, handle: int, jpeg: bytes, width: int, height: int, *, grey: bool
) -> bool:
    """Tell whether the page shows a JPEG as any viewer would, by drawing it small in both ways."""
    scale = min(1.0, _GLANCE / max(width, height))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    here = _drawn(document, page, handle, *size)
    with jpeg_alone(jpeg, width, height, grey=grey) as opened:
        there = None if opened is None else _drawn(*opened, *size)
    if here is None or there is None or here.shape[:2] != there.shape[:2]:
        return False
    return bool(np.abs(here.astype(np.int16) - there).max() <= _SAME)


def _stored(handle: int) -> bytes:
    """Give the data of an image without the filters of its stream, which leave JPEG as it is."""
    size = library().FPDFImageObj_GetImageDataDecoded(handle, ffi.NULL, 0)
    buffer = ffi.new("unsigned char[]", max(1, size))
    library().FPDFImageObj_GetImageDataDecoded(handle, buffer, size)
    return bytes(ffi.buffer(buffer, size))


def _drawn(document: int, page: int, handle: int, width: int, height: int) -> Samples | None:
    """Draw an image in its own size, on white where it is transparent."""
    pdfium = library()
    with _sized(handle, width, height):
        bitmap = pdfium.FPDFImageObj_GetRenderedBitmap(document, page, handle)
        if bitmap == ffi.NULL:
            bitmap = pdfium.FPDFImageObj_GetBitmap(handle)
        if bitmap == ffi.NULL:
            return None
        try:
            return _samples(bitmap)
        finally:
            pdfium.FPDFBitmap_Destroy(bitmap)


@contextmanager
def _sized(handle: int, width: int, height: int) -> Iterator[None]:
    """Let an image object be as many points large as it has pixels."""
    before, sized = ffi.new("FS_MATRIX*"), ffi.new("FS_MATRIX*", (width, 0, 0, height, 0, 0))
    found = library().FPDFPageObj_GetMatrix(handle, before)
    library().FPDFPageObj_SetMatrix(handle, sized)
    try:
        yield
    finally:
        if found:
            library().FPDFPageObj_SetMatrix(handle, before)


def _samples(bitmap: object) -> Samples | None:
    pdfium = library()
    size = _FORMATS.get(pdfium.FPDFBitmap_GetFormat(bitmap))
    width, height = pdfium.FPDFBitmap_GetWidth(bitmap), pdfium.FPDFBitmap_GetHeight(bitmap)
    stride = pdfium.FPDFBitmap_GetStride(bitmap)
    if size is None or min(width, height) < 1:
        return None
    memory = np.frombuffer(ffi.buffer(pdfium.FPDFBitmap_GetBuffer(bitmap), stride * height), np.uint8)
    pixels = memory.reshape(height, stride)[:, : width * size].reshape(height, width, size)
    if size == 1:
        return pixels.copy()
    colours = pixels[:, :, 2::-1]
    if size == _WITH_ALPHA and pdfium.FPDFBitmap_GetFormat(bitmap) == _WITH_ALPHA:
        alpha = pixels[:, :, 3:].astype(np.uint16)
        colours = ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    grey = (colours == colours[:, :, :1]).all()
    return colours[:, :, :1].copy() if grey else colours.copy()
