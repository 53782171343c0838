"""What a PDF page is drawn with beside its text, by kind and place; looked at only for jobs that want its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from llamaparse_worker.backends.reader.pdf.objects import PageObjects, some_form_objects, some_objects
from llamaparse_worker.backends.reader.pdf.pdfium import (
    FORM_OBJECT,
    IMAGE_OBJECT,
    PATH_OBJECT,
    SHADING_OBJECT,
    ffi,
    library,
)
from llamaparse_worker.backends.reader.pdf.placed import DEEPEST_FORM, PAGE, Bounds, Matrix, bounds_of, matrix_of
from llamaparse_worker.model.shapes import ShapeKind

MAX_SHAPES = 20_000
"""Shapes looked at on a page: a map that has more is found by a choice of them."""
_MAX_DRAWN = 200_000
"""Objects of a page that is drawn: long lines take PDFium 50 µs each, which makes 10 s."""
_MAX_SEGMENTS = 16
"""Segments looked at of a path: what is straight as far as these is taken for rules."""
_MAX_CLIP_PATHS = 8
_CLIPPED_PT = 36.0
"""What is smaller in both directions cannot reach far beyond its clip path."""
_THIN = 3.0
_SLANT = 0.5
_NEARLY_WHITE = 248
_LEAST_ALPHA = 8
_BEZIER, _MOVE = 1, 2


@dataclass(frozen=True, slots=True)
class FoundShape:
    """A shape; ``bounds`` are left, top, right, bottom in PDF user space."""

    bounds: Bounds
    kind: ShapeKind


class _Memory:
    """Places that PDFium writes its answers to."""

    def __init__(self) -> None:
        self.modes = ffi.new("int[2]")
        self.colours, self.floats = ffi.new("unsigned int[4]"), ffi.new("float[2]")
        self.colour = tuple(self.colours + index for index in range(4))
        self.point = tuple(self.floats + index for index in range(2))


@dataclass(slots=True)
class FoundShapes:
    """Shapes in drawing order, and how many objects there are in all, those of forms among them."""

    shapes: list[FoundShape] = field(default_factory=list)
    objects: int = 0

    @property
    def is_costly(self) -> bool:
        """Whether drawing the page may take longer than a page is given."""
        return self.objects > _MAX_DRAWN


def page_shapes(page: int) -> FoundShapes:
    """Give the shapes of an open page, those within forms too; at most ``MAX_SHAPES``."""
    found = FoundShapes(objects=library().FPDFPage_CountObjects(page))
    _gather(some_objects(page, MAX_SHAPES), PAGE, 0, found, _Memory())
    return found


def _gather(objects: PageObjects, matrix: Matrix, depth: int, found: FoundShapes, memory: _Memory) -> None:
    for handle, kind in objects.of_kind(PATH_OBJECT, IMAGE_OBJECT, SHADING_OBJECT, FORM_OBJECT):
        left = MAX_SHAPES - len(found.shapes)
        if left <= 0:
            return
        if kind == FORM_OBJECT:
            if depth < DEEPEST_FORM:
                found.objects += library().FPDFFormObj_CountObjects(handle)
                inner = matrix.after(matrix_of(handle))
                _gather(some_form_objects(handle, left), inner, depth + 1, found, memory)
            continue
        shape = _shape(handle, kind, matrix, memory)
        if shape is not None:
            found.shapes.append(shape)


def _shape(handle: int, kind: int, matrix: Matrix, memory: _Memory) -> FoundShape | None:
    bounds = bounds_of(handle, matrix)
    if bounds is None:
        return None
    if max(bounds[2] - bounds[0], bounds[1] - bounds[3]) > _CLIPPED_PT:
        bounds = _clipped(bounds, handle, matrix, memory)
    if kind == IMAGE_OBJECT:
        return FoundShape(bounds, ShapeKind.IMAGE)
    if kind == SHADING_OBJECT:
        return FoundShape(bounds, ShapeKind.DRAWING)
    found = _path_kind(handle, bounds, matrix, memory)
    return None if found is None else FoundShape(bounds, found)


def _path_kind(path: int, bounds: Bounds, matrix: Matrix, memory: _Memory) -> ShapeKind | None:
    """Tell what a path is; None: it leaves no ink on white paper."""
    if not library().FPDFPath_GetDrawMode(path, memory.modes, memory.modes + 1):
        return None
    filled, stroked = memory.modes[0] != 0 and _is_inked(path, memory), memory.modes[1] != 0
    if not (filled or stroked):
        return None
    if min(bounds[2] - bounds[0], bounds[1] - bounds[3]) <= _THIN:
        return ShapeKind.RULE
    if not _is_straight(path, matrix.after(matrix_of(path)), memory):
        return ShapeKind.DRAWING
    return ShapeKind.FILL if filled else ShapeKind.FRAME


def _is_inked(path: int, memory: _Memory) -> bool:
    """Tell whether a path is filled with something darker than paper; a pattern is."""
    if not library().FPDFPageObj_GetFillColor(path, *memory.colour):
        return True
    red, green, blue, alpha = memory.colours
    return bool(alpha > _LEAST_ALPHA and min(red, green, blue) < _NEARLY_WHITE)


def _is_straight(path: int, matrix: Matrix, memory: _Memory) -> bool:
    """Tell whether a path goes level or upright only, as far as its first segments show."""
    pdfium = library()
    count = min(pdfium.FPDFPath_CountSegments(path), _MAX_SEGMENTS)
    segments = (pdfium.FPDFPath_GetPathSegment(path, index) for index in range(count))
    before = (0.0, 0.0)
    for kind, x, y in _points(segments, memory):
        point = matrix.a * x + matrix.c * y, matrix.b * x + matrix.d * y
        slanted = min(abs(point[0] - before[0]), abs(point[1] - before[1])) > _SLANT
        if kind == _BEZIER or (kind != _MOVE and slanted):
            return False
        before = point
    return True


def _points(segments: Iterator[int], memory: _Memory) -> Iterator[tuple[int, float, float]]:
    pdfium = library()
    across, up = memory.point
    for segment in segments:
        pdfium.FPDFPathSegment_GetPoint(segment, across, up)
        yield pdfium.FPDFPathSegment_GetType(segment), across[0], up[0]


def _clipped(bounds: Bounds, handle: int, matrix: Matrix, memory: _Memory) -> Bounds:
    """Cut bounds to those of the clip paths of an object, but for clip paths of many segments."""
    pdfium = library()
    clip = pdfium.FPDFPageObj_GetClipPath(handle)
    for path in range(min(pdfium.FPDFClipPath_CountPaths(clip), _MAX_CLIP_PATHS) if clip else 0):
        count = pdfium.FPDFClipPath_CountPathSegments(clip, path)
        if not 1 < count <= _MAX_SEGMENTS:
            continue
        get: Callable[[int, int, int], int] = pdfium.FPDFClipPath_GetPathSegment
        points = list(_points((get(clip, path, index) for index in range(count)), memory))
        across, up = [x for _, x, _ in points], [y for _, _, y in points]
        bounds = _common(bounds, matrix.bounds(min(across), min(up), max(across), max(up)))
    return bounds


def _common(one: Bounds, other: Bounds) -> Bounds:
    """Give what is common to two rectangles, or else a place of no size in the first."""
    left, right = max(one[0], other[0]), min(one[2], other[2])
    top, bottom = min(one[1], other[1]), max(one[3], other[3])
    return left, max(top, bottom), max(left, right), bottom
