"""An open image file: each of its images is a page without text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt

from llamaparse_worker.backends.reader.image.decoders import DAMAGED, Content, Decoder, Samples, decoder
from llamaparse_worker.backends.reader.image.formats import Format
from llamaparse_worker.backends.reader.image.resolution import POINTS_PER_INCH, Sheet, sheet
from llamaparse_worker.errors import CorruptDocument, LimitExceeded, PageUnreadable, TooManyPages
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import EmbeddedImage, PixelImage
from llamaparse_worker.model.page import RawPage

_MOST_TIMES_LARGER = 10
"""An image of so many times the pixels that are allowed is still decoded, to a smaller one, but none beyond that."""


def open_image(content: Content, kind: Format, limits: ReaderLimits) -> ImageDocument:
    """Open a file.

    Raises:
        CorruptDocument: it cannot be opened.
        TooManyPages: it has more pages than the limit.
    """
    try:
        opened = decoder(content, kind, limits.max_pages)
    except DAMAGED:
        raise CorruptDocument(f"The image ({kind.name}) is damaged and cannot be opened.") from None
    if opened.page_count > limits.max_pages:
        raise TooManyPages(f"The document has more than {limits.max_pages} pages.")
    return ImageDocument(opened, limits)


class ImageDocument:
    """An image file held open."""

    def __init__(self, decoder: Decoder, limits: ReaderLimits) -> None:
        self._decoder = decoder
        self._limits = limits

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return self._decoder.page_count

    def read(self, number: int) -> RawPage:
        """Give a page that is all picture.

        Raises:
            PageUnreadable: the image is damaged.
            LimitExceeded: it has far more pixels than are allowed.
        """
        found = self._sheet(number)
        width, height = round(found.width_pt, 3), round(found.height_pt, 3)
        return RawPage(
            number=number,
            width=width,
            height=height,
            rotation=0,
            text="",
            boxes=b"",
            sizes=b"",
            fonts=b"",
            font_table=(Font(""),),
            image_boxes=(Box(0.0, 0.0, width, height),),
            scan_dpi=found.dpi,
        )

    @contextmanager
    def render(self, number: int, *, dpi: float) -> Iterator[PixelImage]:
        """Give a page in grey, no finer than it is and at most ``max_pixels`` large. Raises as ``read`` does."""
        yield self._drawn(number, dpi, grey=True)

    @contextmanager
    def screenshot(self, number: int, *, dpi: float) -> Iterator[PixelImage]:
        """Give a page in colour, as ``render`` does in grey."""
        yield self._drawn(number, dpi, grey=False)

    def images(self, number: int) -> Iterator[EmbeddedImage]:
        """Give the page as its only image."""
        found = self._sheet(number)
        drawn = self._drawn(number, found.dpi, grey=False)
        box = Box(0.0, 0.0, round(found.width_pt, 3), round(found.height_pt, 3))
        yield EmbeddedImage(box, drawn.width, drawn.height, samples=bytes(drawn.samples), channels=drawn.channels)

    def _sheet(self, number: int) -> Sheet:
        if not 1 <= number <= self.page_count:
            raise PageUnreadable(f"There is no page {number}.")
        try:
            found = self._decoder.header(number - 1)
        except DAMAGED:
            raise PageUnreadable(f"The image of page {number} is damaged and cannot be opened.") from None
        self._check_size(found.width, found.height)
        return sheet(found.width, found.height, found.across_dpi, found.down_dpi)

    def _check_size(self, width: int, height: int) -> None:
        if width < 1 or height < 1:
            raise PageUnreadable("The image has no pixels.")
        most = self._limits.max_pixels * (_MOST_TIMES_LARGER if self._decoder.shrinks else 1)
        if width * height > most:
            raise LimitExceeded(f"The image has {width} × {height} pixels; {most} can be read (MAX_PAGE_PIXELS).")

    def _drawn(self, number: int, dpi: float, *, grey: bool) -> PixelImage:
        found = self._sheet(number)
        area = found.width_pt * found.height_pt
        scale = min(min(dpi, found.dpi) / POINTS_PER_INCH, sqrt(self._limits.max_pixels / area))
        width = max(1, int(found.width_pt * scale + _ROUNDED))
        height = max(1, min(int(found.height_pt * scale + _ROUNDED), self._limits.max_pixels // width))
        try:
            samples: Samples = self._decoder.drawn(number - 1, width, height, grey=grey)
        except DAMAGED:
            raise PageUnreadable(f"The image of page {number} is damaged and cannot be decoded.") from None
        height, width, channels = samples.shape
        return PixelImage(width, height, channels, samples.reshape(-1).data, scale * POINTS_PER_INCH)


_ROUNDED = 1e-6
"""So that an image that is not shrunk keeps its last row and column."""
