"""Image formats by their first bytes, and which of them can be opened."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A family of image files."""

    name: str
    loader: str = ""
    """What libvips calls its loader; empty for what is opened otherwise or not at all."""
    opencv: bool = False
    """Whether OpenCV opens it, as the libvips that comes as a wheel does not."""
    advice: str = ""
    """What to do with a file that cannot be opened."""


TIFF = Format("TIFF", "tiffload_buffer")
"""The only one whose images are pages, not moments of a film or sizes of one picture."""
BMP = Format("BMP", opencv=True)
JPEG_2000 = Format("JPEG 2000", opencv=True)
_HEIC = Format("HEIC", advice="Convert it to JPEG or PNG: its compression (HEVC) is not free.")
_AVIF = Format("AVIF", "heifload_buffer")

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", Format("PNG", "pngload_buffer")),
    (b"\xff\xd8\xff", Format("JPEG", "jpegload_buffer")),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"GIF87a", Format("GIF", "gifload_buffer")),
    (b"GIF89a", Format("GIF", "gifload_buffer")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"\xff\x0a", Format("JPEG XL", advice="Convert it to JPEG or PNG.")),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Format("JPEG XL", advice="Convert it to JPEG or PNG.")),
    (b"8BPS", Format("Photoshop", advice="Export it as PNG or TIFF.")),
    (b"\x97JB2\r\n\x1a\n", Format("JBIG2", advice="Convert it to TIFF or PDF.")),
)
_WEBP = Format("WebP", "webpload_buffer")
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes of the headers that a BMP can have behind that of the file."""


def format_of(head: bytes) -> Format | None:
    """Tell the format by the first bytes of a file; None: it is no image that is known here."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _WEBP
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    return BMP if _is_bmp(head) else None


def _by_brand(head: bytes) -> Format | None:
    """Tell the format of a file of ISO 14496-12 by its brands: the major one, and those it is compatible with."""
    size = min(len(head), int.from_bytes(head[:4], "big"))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if any(brand in brands for brand in _AVIF_BRANDS):
        return _AVIF
    return _HEIC if any(brand in brands for brand in _HEIC_BRANDS) else None


def _is_bmp(head: bytes) -> bool:
    """Ask for more than the two letters with which other files may begin."""
    return head.startswith(b"BM") and len(head) >= 26 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS  # noqa: PLR2004 - the shortest header of all
