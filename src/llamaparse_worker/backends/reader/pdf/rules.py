"""Ruling lines and filled rectangles of a PDF page, from its path objects: what tables are drawn with.

Lines are drawn as strokes, as thin filled rectangles or as edges of framed ones; all become rules. The outlines of
filled rectangles are told apart, as they may be the background of cells, of whole rows, or of something else.
Whatever is curved or slanted is a drawing, not a rule. ``paths.c`` does the same in one call; both give the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled_paths import is_compiled, read
from llamaparse_worker.backends.reader.pdf.objects import PageObjects, form_objects
from llamaparse_worker.backends.reader.pdf.pdfium import FORM_OBJECT, PATH_OBJECT, ffi, library
from llamaparse_worker.model.value import quick

Floats = npt.NDArray[np.float32]
Colours = npt.NDArray[np.uint32]
Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]

MAX_PATHS = 5_000
"""Paths looked at on a page; a map or a plot has more, and no table among them."""
_MAX_SEGMENTS = 64
_DEEPEST_FORM = 4
_THIN = 3.0
_LETTER = 10.0
_SLANT = 0.5
_NEARLY_WHITE = 248
_BLACK = 0xFF
_LEAST_ALPHA = 8
_LINE, _BEZIER, _MOVE = 0, 1, 2
_RECTANGLE_SEGMENTS = (4, 5)
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@quick
@dataclass(frozen=True, slots=True)
class Drawn:
    """Rules and filled rectangles as left, top, right, bottom in PDF user space; a rule has no extent across."""

    rules: Floats
    fills: Floats
    """In drawing order, those in the colour of paper too."""
    colours: Colours
    """Red, green, blue and alpha of each fill, eight bits each from the highest."""

    @property
    def shades(self) -> Floats:
        """The fills that are darker than paper."""
        if not len(self.colours):
            return self.fills
        channels = self.colours[:, None] >> np.array([24, 16, 8], np.uint32) & np.uint32(0xFF)
        darker: Floats = self.fills[channels.min(axis=1) < _NEARLY_WHITE]
        return darker


_NOTHING = Drawn(np.empty((0, 4), np.float32), np.empty((0, 4), np.float32), np.empty(0, np.uint32))


@dataclass(slots=True)
class _Found:
    rules: list[Rectangle] = field(default_factory=list)
    fills: list[Rectangle] = field(default_factory=list)
    colours: list[int] = field(default_factory=list)
    paths_left: int = MAX_PATHS


class _Memory:
    """Places that PDFium writes its answers to."""

    def __init__(self) -> None:
        self.floats = ffi.new("float[4]")
        self.pointers = tuple(self.floats + index for index in range(4))
        self.matrix = ffi.new("FS_MATRIX*")
        self.modes = ffi.new("int[2]")
        self.colours = ffi.new("unsigned int[4]")
        self.colour_pointers = tuple(self.colours + index for index in range(4))


def drawn(objects: PageObjects) -> Drawn:
    """Give what the objects of an open page draw; at most ``MAX_PATHS`` paths are looked at."""
    if not objects.has(PATH_OBJECT, FORM_OBJECT):
        return _NOTHING
    if is_compiled():
        read_at_once = read(objects, most_paths=MAX_PATHS, deepest=_DEEPEST_FORM)
        if read_at_once is not None:
            return Drawn(*read_at_once)
    return through_cffi(objects)


def through_cffi(objects: PageObjects) -> Drawn:
    """Do it with a few foreign calls for each path and each of its segments."""
    found = _Found()
    _gather(objects, _IDENTITY, found, _Memory(), depth=0)
    return Drawn(_array(found.rules), _array(found.fills), np.array(found.colours, np.uint32))


def _array(rectangles: Sequence[Rectangle]) -> Floats:
    if not rectangles:  # as on most pages
        return np.empty((0, 4), np.float32)
    array = np.array(rectangles, np.float32).reshape(-1, 4)
    return np.nan_to_num(array, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _gather(objects: PageObjects, matrix: Matrix, found: _Found, memory: _Memory, *, depth: int) -> None:
    for handle, kind in objects.of_kind(PATH_OBJECT, FORM_OBJECT):
        if found.paths_left <= 0:
            return
        if kind == PATH_OBJECT:
            found.paths_left -= 1
            _add_path(handle, matrix, found, memory)
        elif depth < _DEEPEST_FORM:
            inner = _product(_matrix(handle, memory), matrix)
            _gather(form_objects(handle), inner, found, memory, depth=depth + 1)


def _add_path(path: int, matrix: Matrix, found: _Found, memory: _Memory) -> None:
    pdfium = library()
    if not pdfium.FPDFPath_GetDrawMode(path, memory.modes, memory.modes + 1):
        return
    filled, stroked = memory.modes[0] != 0, memory.modes[1] != 0
    if not (filled or stroked):
        return
    count = pdfium.FPDFPath_CountSegments(path)
    if filled and count in _RECTANGLE_SEGMENTS and _add_thin(path, matrix, found, memory):
        return
    if not 1 < count <= _MAX_SEGMENTS or (count > max(_RECTANGLE_SEGMENTS) and _is_small(path, memory)):
        return
    own = _product(_matrix(path, memory), matrix)
    colour = _colour(path, memory) if filled else None
    for points in _polylines(path, count, own, memory):
        _add_polyline(points, found, stroked=stroked, colour=colour)


def _add_thin(path: int, matrix: Matrix, found: _Found, memory: _Memory) -> bool:
    """Take a filled rectangle that is thin enough for a line, of whatever colour, by its bounds alone."""
    if not library().FPDFPageObj_GetBounds(path, *memory.pointers):
        return False
    x0, y0, x1, y1 = _mapped(memory.floats, matrix)
    if min(x1 - x0, y1 - y0) > _THIN:
        return False
    _add_rule((x0, y0), (x1, y1), found)
    return True


def _is_small(path: int, memory: _Memory) -> bool:
    """Tell whether a path is no larger than a letter, such as a bullet or an arrow."""
    if not library().FPDFPageObj_GetBounds(path, *memory.pointers):
        return False
    x0, y0, x1, y1 = memory.floats
    return bool(max(x1 - x0, y1 - y0) < _LETTER)


def _mapped(bounds: Sequence[float], matrix: Matrix) -> Rectangle:
    if matrix is _IDENTITY:
        return bounds[0], bounds[1], bounds[2], bounds[3]
    corners = [_moved(x, y, matrix) for x in (bounds[0], bounds[2]) for y in (bounds[1], bounds[3])]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _add_rule(one: Point, other: Point, found: _Found) -> None:
    """Add a line along its longer side, in the middle of its shorter one; a slanted one is none."""
    x0, x1 = sorted((one[0], other[0]))
    y0, y1 = sorted((one[1], other[1]))
    if x1 - x0 >= y1 - y0:
        middle = (y0 + y1) / 2
        found.rules.append((x0, middle, x1, middle))
    else:
        middle = (x0 + x1) / 2
        found.rules.append((middle, y1, middle, y0))


def _polylines(path: int, count: int, matrix: Matrix, memory: _Memory) -> Iterator[list[Point]]:
    """Give the runs of straight lines of a path, each as its points; curves part them."""
    pdfium = library()
    points: list[Point] = []
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, *memory.pointers[:2])
        point = _moved(memory.floats[0], memory.floats[1], matrix)
        if kind != _LINE:
            if len(points) > 1:
                yield points
            points = []
        points.append(point)
        if pdfium.FPDFPathSegment_GetClose(segment) and len(points) > 2:  # noqa: PLR2004 - two points close to a line
            points.append(points[0])
    if len(points) > 1:
        yield points


def _add_polyline(points: Sequence[Point], found: _Found, *, stroked: bool, colour: int | None) -> None:
    sides = [side for side in pairwise(points) if side[0] != side[1]]
    straight = all(min(abs(a[0] - b[0]), abs(a[1] - b[1])) <= _SLANT for a, b in sides)
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    box = min(xs), max(ys), max(xs), min(ys)
    thin = min(box[2] - box[0], box[1] - box[3]) <= _THIN
    if stroked:
        for one, other in sides:
            if min(abs(one[0] - other[0]), abs(one[1] - other[1])) <= _SLANT:
                _add_rule(one, other, found)
    elif colour is not None and thin and straight and _is_darker_than_paper(colour):
        _add_rule((box[0], box[3]), (box[2], box[1]), found)
    if colour is not None and straight and not thin and len(sides) in _RECTANGLE_SEGMENTS:
        found.fills.append(box)
        found.colours.append(colour)


def _colour(path: int, memory: _Memory) -> int | None:
    """Give the colour that a path is filled with; None for one that lets nearly all shine through."""
    if not library().FPDFPageObj_GetFillColor(path, *memory.colour_pointers):
        return _BLACK
    red, green, blue, alpha = (channel & 0xFF for channel in memory.colours)
    return red << 24 | green << 16 | blue << 8 | alpha if alpha > _LEAST_ALPHA else None


def _is_darker_than_paper(colour: int) -> bool:
    return min(colour >> shift & 0xFF for shift in (24, 16, 8)) < _NEARLY_WHITE


def _matrix(handle: int, memory: _Memory) -> Matrix:
    if not library().FPDFPageObj_GetMatrix(handle, memory.matrix):
        return _IDENTITY
    found = memory.matrix
    return found.a, found.b, found.c, found.d, found.e, found.f


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    if outer is _IDENTITY:
        return inner
    a, b, c, d, e, f = inner
    o = outer
    return (
        a * o[0] + b * o[2],
        a * o[1] + b * o[3],
        c * o[0] + d * o[2],
        c * o[1] + d * o[3],
        e * o[0] + f * o[2] + o[4],
        e * o[1] + f * o[3] + o[5],
    )


def _moved(x: float, y: float, matrix: Matrix) -> Point:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
