"""An open PDF: pages to characters, pages to pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import sqrt

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.forms import Forms
from llamaparse_worker.backends.reader.pdf.glyphs import Glyphs, extract
from llamaparse_worker.backends.reader.pdf.images import embedded_image
from llamaparse_worker.backends.reader.pdf.links import page_links
from llamaparse_worker.backends.reader.pdf.objects import page_objects
from llamaparse_worker.backends.reader.pdf.outline import Outline
from llamaparse_worker.backends.reader.pdf.pdfium import (
    COLOUR_BITMAP,
    GREY_BITMAP,
    RENDER_ANNOTATIONS,
    RENDER_GREY,
    RENDER_RGB,
    ffi,
    library,
)
from llamaparse_worker.backends.reader.pdf.placed import count_outlines, images, scan_dpi
from llamaparse_worker.backends.reader.pdf.remarks import page_remarks
from llamaparse_worker.backends.reader.pdf.rules import drawn
from llamaparse_worker.backends.reader.pdf.shapes import page_shapes
from llamaparse_worker.backends.reader.pdf.structure import Structures
from llamaparse_worker.backends.reader.pdf.unseen import unseen
from llamaparse_worker.backends.reader.pdf.view import View
from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.layout.codes import count_visible
from llamaparse_worker.model.forms import FormField
from llamaparse_worker.model.images import EmbeddedImage, PixelImage
from llamaparse_worker.model.page import Bookmark, PageLink, RawPage, Remark
from llamaparse_worker.model.shapes import Shapes

_POINTS_PER_INCH = 72
_GLANCE_DPI = 36.0
_WHITE = 255
_LITTLE_TEXT = 200
"""Characters; a page with fewer may show others as shapes."""


class PdfDocument:
    """A PDF held open by PDFium. The page last used stays loaded, as rendering often follows reading."""

    def __init__(self, handle: int, page_count: int, limits: ReaderLimits) -> None:
        self._handle = handle
        self._page_count = page_count
        self._limits = limits
        self._structures = Structures(handle)
        self._forms = Forms(handle)
        self._outline = Outline(handle, page_count)
        self._loaded: tuple[int, int] | None = None

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return self._page_count

    def read(self, number: int) -> RawPage:
        """Give the characters of a page. Raises ``PageUnreadable``."""
        page = self._page(number)
        glyphs = _glyphs(page, number)
        view = View(page)
        objects = page_objects(page)
        little = _is_little(glyphs.text)
        lines = drawn(objects)
        placed = images(objects)
        dpi = scan_dpi(placed, view.width * view.height)
        marks = unseen(glyphs, objects, lines, () if dpi else placed, view, partial(self._draw, page, channels=3))
        structure = self._structures.of_page(page, number, glyphs.objects)
        return RawPage(
            number=number,
            width=view.width,
            height=view.height,
            rotation=view.rotation,
            text=glyphs.text,
            boxes=view.boxes(glyphs.boxes).tobytes(),
            sizes=glyphs.sizes.tobytes(),
            fonts=glyphs.fonts.tobytes(),
            font_table=glyphs.font_table,
            image_boxes=tuple(view.placed(image.bounds for image in placed)),
            scan_dpi=dpi,
            outlines=count_outlines(objects) if little else 0,
            drawn=bool(glyphs.text.strip()) or (_has_content(page) and (objects.is_full or self._leaves_ink(page))),
            rules=view.boxes(lines.rules).tobytes(),
            fills=view.boxes(lines.shades).tobytes(),
            traits=_traits(glyphs, view, marks),
            elements=structure.of_characters.tobytes(),
            element_table=structure.elements,
            bookmarks=self._bookmarks(number, view),
        )

    @contextmanager
    def render(self, number: int, *, dpi: float) -> Iterator[PixelImage]:
        """Draw a page in grey, at most ``max_pixels`` large. Raises ``PageUnreadable``."""
        samples, used_dpi = self._draw(self._page(number), dpi)
        height, width, channels = samples.shape
        yield PixelImage(width, height, channels, samples.reshape(-1).data, used_dpi)

    @contextmanager
    def screenshot(self, number: int, *, dpi: float) -> Iterator[PixelImage]:
        """Draw a page in colour, at most ``max_pixels`` large. Raises ``PageUnreadable``."""
        samples, used_dpi = self._draw(self._page(number), dpi, channels=3)
        height, width, channels = samples.shape
        yield PixelImage(width, height, channels, samples.reshape(-1).data, used_dpi)

    def images(self, number: int) -> Iterator[EmbeddedImage]:
        """Give the images of a page in drawing order, each decoded when it is asked for."""
        page = self._page(number)
        view = View(page)
        for placed in images(page_objects(page)):
            found = embedded_image(self._handle, page, placed.handle, view.box(placed.bounds), self._limits.max_pixels)
            if found is not None:
                yield found

    def shapes(self, number: int) -> Shapes:
        """Give what a page is drawn with beside its text."""
        page = self._page(number)
        found = page_shapes(page)
        boxes = View(page).boxes(np.array([shape.bounds for shape in found.shapes], np.float32).reshape(-1, 4))
        return Shapes(boxes.tobytes(), bytes(shape.kind for shape in found.shapes), found.is_costly)

    def fields(self, number: int) -> Iterator[FormField]:
        """Give the fields of forms on a page."""
        page = self._page(number)
        view = View(page)
        for field in self._forms.of_page(page):
            yield FormField(
                view.box(field.bounds),
                field.value,
                field.checked,
                field.kind,
                field.name,
                label="" if field.is_button else field.description,
                group=field.description if field.is_button else "",
                choices=field.choices,
                withheld=field.withheld,
            )

    def links(self, number: int) -> Iterator[PageLink]:
        """Give the links of a page that lead to an address or to a page."""
        page = self._page(number)
        found = list(page_links(self._handle, page))
        boxes = View(page).placed(link.bounds for link in found)
        yield from (PageLink(box, link.target) for box, link in zip(boxes, found, strict=True))

    def remarks(self, number: int) -> Iterator[Remark]:
        """Give the comments and marked text on a page."""
        page = self._page(number)
        view = View(page)
        for found in page_remarks(page):
            lines = tuple(view.placed(found.lines))
            yield Remark(view.box(found.bounds), found.mark, lines, found.text, found.author)

    def _bookmarks(self, number: int, view: View) -> tuple[Bookmark, ...]:
        entries = self._outline.of_page(number)
        tops = iter(view.placed(entry.place * 2 for entry in entries if entry.place))
        return tuple(Bookmark(entry.title, entry.depth, next(tops).y0 if entry.place else None) for entry in entries)

    def close(self) -> None:
        """Give everything back to PDFium."""
        self._unload()
        self._forms.close()
        library().FPDF_CloseDocument(self._handle)

    def _page(self, number: int) -> int:
        if self._loaded is not None and self._loaded[0] == number:
            return self._loaded[1]
        self._unload()
        page: int = library().FPDF_LoadPage(self._handle, number - 1)
        if not page:
            raise PageUnreadable(f"Page {number} is damaged and cannot be opened.")
        self._loaded = number, page
        return page

    def _unload(self) -> None:
        if self._loaded is not None:
            library().FPDF_ClosePage(self._loaded[1])
            self._loaded = None

    def _leaves_ink(self, page: int) -> bool:
        return bool((self._draw(page, _GLANCE_DPI)[0] != _WHITE).any())

    def _draw(self, page: int, dpi: float, channels: int = 1) -> tuple[npt.NDArray[np.uint8], float]:
        pdfium = library()
        width_pt = max(1.0, pdfium.FPDF_GetPageWidthF(page))
        height_pt = max(1.0, pdfium.FPDF_GetPageHeightF(page))
        scale = min(dpi / _POINTS_PER_INCH, sqrt(self._limits.max_pixels / (width_pt * height_pt)))
        width, height = max(1, int(width_pt * scale)), max(1, int(height_pt * scale))
        height = max(1, min(height, self._limits.max_pixels // width))
        kind, flags = (GREY_BITMAP, RENDER_GREY) if channels == 1 else (COLOUR_BITMAP, RENDER_RGB)
        samples = np.full((height, width, channels), _WHITE, np.uint8)
        bitmap = pdfium.FPDFBitmap_CreateEx(width, height, kind, ffi.from_buffer(samples), width * channels)
        if bitmap == ffi.NULL:
            raise PageUnreadable(f"The page cannot be drawn at {width} × {height} pixels.")
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, RENDER_ANNOTATIONS | flags)
        pdfium.FPDFBitmap_Destroy(bitmap)
        return samples, scale * _POINTS_PER_INCH


def _glyphs(page: int, number: int) -> Glyphs:
    pdfium = library()
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        raise PageUnreadable(f"The text of page {number} cannot be read.")
    try:
        return extract(text_page)
    finally:
        pdfium.FPDFText_ClosePage(text_page)


def _traits(glyphs: Glyphs, view: View, marks: npt.NDArray[np.uint8] | None) -> bytes:
    """Put together what is known of the characters; nothing if that is nothing of any."""
    found = view.traits(glyphs.traits)
    for more in (view.cropped(glyphs.boxes), marks):
        found = found if more is None else found | more
    made = found.tobytes()
    return b"" if made == bytes(len(made)) else made  # as on most pages


def _is_little(text: str) -> bool:
    # On most pages their beginning tells.
    return count_visible(text[: 2 * _LITTLE_TEXT]) < _LITTLE_TEXT and count_visible(text) < _LITTLE_TEXT


def _has_content(page: int) -> bool:
    return bool(library().FPDFPage_CountObjects(page) or library().FPDFPage_GetAnnotCount(page))
