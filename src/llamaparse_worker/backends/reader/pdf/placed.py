"""What a PDF page shows besides its text, and where: images, and small shapes that may be letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from llamaparse_worker.backends.reader.pdf.objects import PageObjects, form_objects
from llamaparse_worker.backends.reader.pdf.pdfium import FORM_OBJECT, IMAGE_OBJECT, PATH_OBJECT, ffi, library

Bounds = tuple[float, float, float, float]
"""Left, top, right, bottom in user space."""

_MOST_IMAGES = 5_000
_MOST_SHAPES = 2_000
DEEPEST_FORM = 4
_LETTER_PT = (1.0, 60.0)
_SCAN = 0.6
"""Share of a page that images must cover to be what it shows."""
_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image object on a page."""

    handle: int
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Matrix:
    """An affine map: x' = a x + c y + e, y' = b x + d y + f."""

    a: float = 1
    b: float = 0
    c: float = 0
    d: float = 1
    e: float = 0
    f: float = 0

    def after(self, inner: Matrix) -> Matrix:
        """Give the matrix that applies ``inner`` first."""
        return Matrix(
            inner.a * self.a + inner.b * self.c,
            inner.a * self.b + inner.b * self.d,
            inner.c * self.a + inner.d * self.c,
            inner.c * self.b + inner.d * self.d,
            inner.e * self.a + inner.f * self.c + self.e,
            inner.e * self.b + inner.f * self.d + self.f,
        )

    def bounds(self, left: float, bottom: float, right: float, top: float) -> Bounds:
        """Give the bounds of a mapped rectangle."""
        corners = [(x, y) for x in (left, right) for y in (bottom, top)]
        across = [self.a * x + self.c * y + self.e for x, y in corners]
        up = [self.b * x + self.d * y + self.f for x, y in corners]
        return min(across), max(up), max(across), min(up)


PAGE = Matrix()
"""The space of the page itself."""


def images(objects: PageObjects) -> tuple[PlacedImage, ...]:
    """Give the images of a page in drawing order, those within forms too."""
    found: list[PlacedImage] = []
    for handle, matrix in _of_kind(objects, IMAGE_OBJECT, PAGE, 0):
        bounds = bounds_of(handle, matrix)
        if bounds is not None:
            found.append(PlacedImage(handle, bounds))
        if len(found) >= _MOST_IMAGES:
            break
    return tuple(found)


def scan_dpi(placed: Sequence[PlacedImage], page_area: float) -> float:
    """Give the resolution of the largest image of a page that images cover; 0 for other pages.

    ``page_area`` is in square points. A scan may come in strips, which have one resolution.
    """
    areas = [(left - right) * (bottom - top) for left, top, right, bottom in (image.bounds for image in placed)]
    if not areas or sum(areas) < _SCAN * page_area:
        return 0.0
    largest = placed[areas.index(max(areas))]
    size = ffi.new("unsigned int[2]")
    found = library().FPDFImageObj_GetImagePixelSize(largest.handle, size, size + 1)
    return sqrt(size[0] * size[1] / max(areas)) * _POINTS_PER_INCH if found and max(areas) > 0 else 0.0


def count_outlines(objects: PageObjects) -> int:
    """Count shapes of about the size of letters, up to a limit."""
    count = 0
    for handle, matrix in _of_kind(objects, PATH_OBJECT, PAGE, 0):
        bounds = bounds_of(handle, matrix)
        if bounds is not None:
            left, top, right, bottom = bounds
            low, high = _LETTER_PT
            count += low < top - bottom < high and right - left < high
        if count >= _MOST_SHAPES:
            break
    return count


def _of_kind(objects: PageObjects, wanted: int, matrix: Matrix, depth: int) -> Iterator[tuple[int, Matrix]]:
    for handle, kind in objects.of_kind(wanted, FORM_OBJECT):
        if kind == wanted:
            yield handle, matrix
        elif depth < DEEPEST_FORM:
            yield from _of_kind(form_objects(handle), wanted, matrix.after(matrix_of(handle)), depth + 1)


def matrix_of(handle: int) -> Matrix:
    """Give how an object lies in the form or page around it."""
    found = ffi.new("FS_MATRIX*")
    if not library().FPDFPageObj_GetMatrix(handle, found):
        return PAGE
    return Matrix(found.a, found.b, found.c, found.d, found.e, found.f)


def bounds_of(handle: int, matrix: Matrix) -> Bounds | None:
    """Give the bounds of an object within forms that lie as ``matrix`` says."""
    edges = ffi.new("float[4]")
    if not library().FPDFPageObj_GetBounds(handle, edges, edges + 1, edges + 2, edges + 3):
        return None
    left, bottom, right, top = edges
    return (left, top, right, bottom) if matrix is PAGE else matrix.bounds(left, bottom, right, top)
