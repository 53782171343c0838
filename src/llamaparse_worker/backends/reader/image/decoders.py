"""Image files to pixels, by libvips or OpenCV: only the loader of the format that the first bytes tell is called.

Colours are converted without the profiles of the file (ICC), transparency shows white paper, and 16 bits, floats and
CMYK become 8 bits of grey or RGB.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from llamaparse_worker.backends.reader.image.formats import JPEG_2000, TIFF, Format
from llamaparse_worker.backends.reader.image.tiff import open_tiff
from llamaparse_worker.errors import CorruptDocument

Samples = npt.NDArray[np.uint8]
Content = bytearray | mmap.mmap

DAMAGED = (pyvips.Error, cv2.error, struct.error)
"""What decoders raise over a damaged image."""

_MM_PER_INCH = 25.4
_CM_PER_M = 100
_TURNED_ASIDE = 5
"""EXIF orientations from here on exchange width and height."""
_JPEG_SHRINKS = (8, 4, 2)
_COLOUR_BANDS = 3

pyvips.concurrency_set(1)  # one document a process: more threads would only wait for each other
pyvips.cache_set_max(0)
pyvips.block_untrusted_set(True)  # noqa: FBT003 - its only argument
cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself before it is decoded, in pixels as displayed; dpi 0 where it says none."""

    width: int
    height: int
    across_dpi: float
    down_dpi: float


class Decoder(Protocol):
    """Reads the images of one file, from 0."""

    page_count: int
    shrinks: bool
    """Whether a large image is never in memory as a whole."""

    def header(self, index: int) -> Header:
        """Look at an image without decoding it."""
        ...

    def drawn(self, index: int, width: int, height: int, *, grey: bool) -> Samples:
        """Decode an image to a size in pixels as displayed; gives an array of shape (height, width, channels)."""
        ...


class VipsDecoder:
    """The formats of libvips."""

    shrinks = True

    def __init__(self, content: Content, kind: Format, max_pages: int) -> None:
        self._content = content
        self._kind = kind
        self._load: Callable[..., Any] = getattr(pyvips.Image, kind.loader)
        self._tiff = open_tiff(content, max_pages) if kind is TIFF else None
        self.page_count = len(self._tiff.offsets) if self._tiff else 1
        if self.page_count <= max_pages:
            self._opened(0)

    def header(self, index: int) -> Header:
        """Look at an image without decoding it."""
        image = self._opened(index)
        dpi = image.xres * _MM_PER_INCH, image.yres * _MM_PER_INCH
        if _is_aside(image):
            return Header(image.height, image.width, dpi[1], dpi[0])
        return Header(image.width, image.height, dpi[0], dpi[1])

    def drawn(self, index: int, width: int, height: int, *, grey: bool) -> Samples:
        """Decode an image line by line to a size in pixels as displayed."""
        image = self._opened(index)
        if _is_aside(image):
            width, height = height, width
        if self._kind.loader == "jpegload_buffer":
            least = min(image.width / width, image.height / height)
            image = self._opened(index, shrink=next((shrink for shrink in _JPEG_SHRINKS if shrink <= least), 1))
        image = _sized(_plain(image), width, height)
        if image.format in {"float", "double", "complex", "dpcomplex", "int", "uint"}:
            image = image.copy_memory().scaleimage()
        image = image.colourspace("b-w" if grey else "srgb").cast("uchar").copy_memory().autorot()
        samples: Samples = image.numpy()
        return np.ascontiguousarray(samples.reshape(image.height, image.width, -1)[:, :, : 1 if grey else 3])

    def _opened(self, index: int, **options: object) -> Any:  # noqa: ANN401 - pyvips has no types
        if self._tiff is not None:
            self._tiff.show(index)
        return self._load(self._content, access="sequential", fail_on="error", **options)


class OpenCvDecoder:
    """The formats that OpenCV is asked for; all of an image is decoded at once."""

    page_count = 1
    shrinks = False

    def __init__(self, content: Content, kind: Format) -> None:
        self._content = content
        self._header = _jpeg_2000_header(content) if kind is JPEG_2000 else _bmp_header(content)

    def header(self, index: int) -> Header:  # noqa: ARG002 - there is one image only
        """Look at the image without decoding it."""
        return self._header

    def drawn(self, index: int, width: int, height: int, *, grey: bool) -> Samples:  # noqa: ARG002 - as above
        """Decode the image and shrink it."""
        data = np.frombuffer(self._content, np.uint8)
        found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB)
        if found is None:
            raise CorruptDocument("The image is damaged and cannot be decoded.")
        if found.shape[:2] != (height, width):
            found = cv2.resize(found, (width, height), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(found, np.uint8).reshape(height, width, -1)


def decoder(content: Content, kind: Format, max_pages: int) -> Decoder:
    """Open a file of a format that can be read; pages are counted up to one more than ``max_pages``.

    Raises what ``DAMAGED`` names.
    """
    return OpenCvDecoder(content, kind) if kind.opencv else VipsDecoder(content, kind, max_pages)


def _plain(image: Any) -> Any:  # noqa: ANN401 - pyvips has no types
    """Give an image of one band or of three, on white where it is transparent."""
    if image.interpretation == "multiband":
        count = _COLOUR_BANDS if image.bands >= _COLOUR_BANDS else 1
        return image.extract_band(0, n=count).copy(interpretation="srgb" if count > 1 else "b-w")
    if image.hasalpha():
        white = 65535.0 if image.format == "ushort" else 255.0
        return image.flatten(background=[white])
    return image


def _sized(image: Any, width: int, height: int) -> Any:  # noqa: ANN401 - pyvips has no types
    if (image.width, image.height) == (width, height):
        return image
    return image.resize(width / image.width, vscale=height / image.height)


def _is_aside(image: Any) -> bool:  # noqa: ANN401 - pyvips has no types
    return int(_field(image, "orientation", 1)) >= _TURNED_ASIDE


def _field(image: Any, name: str, default: int) -> int:  # noqa: ANN401 - pyvips has no types
    return int(image.get(name)) if image.get_typeof(name) else default


def _bmp_header(content: Content) -> Header:
    if struct.unpack_from("<I", content, 14)[0] == 12:  # noqa: PLR2004 - the header of OS/2, with short numbers
        width, height = struct.unpack_from("<HH", content, 18)
        return Header(width, height, 0.0, 0.0)
    width, height = struct.unpack_from("<ii", content, 18)
    across, down = struct.unpack_from("<ii", content, 38)
    per_inch = _MM_PER_INCH / 10 / _CM_PER_M
    return Header(abs(width), abs(height), across * per_inch, down * per_inch)


def _jpeg_2000_header(content: Content) -> Header:
    """Read the size from the code stream, as the decoder does (ISO 15444-1, A.5.1)."""
    at = content.find(b"\xff\x4f\xff\x51")
    width, height, left, top = struct.unpack_from(">IIII", content, at + 8)
    if at < 0 or width <= left or height <= top:
        raise CorruptDocument("The image is damaged: it does not say how large it is.")
    return Header(width - left, height - top, 0.0, 0.0)
