"""The compiled way to find rules and fills: ``paths.c``, which was built when this package was installed.

Where it was not built, because no compiler could be had, ``rules.py`` does the same, about six times slower.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import pointer
from llamaparse_worker.backends.reader.pdf.objects import MAX_OBJECTS, PageObjects
from llamaparse_worker.backends.reader.pdf.pdfium import ffi
from llamaparse_worker.compiled import load

Floats = npt.NDArray[np.float32]
Colours = npt.NDArray[np.uint32]

VERSION = 2
"""Of ``paths.c``: a library that an earlier version has left is not used."""
FUNCTIONS = (
    "FPDFPageObj_GetType",
    "FPDFPageObj_GetBounds",
    "FPDFPageObj_GetMatrix",
    "FPDFPageObj_GetFillColor",
    "FPDFFormObj_CountObjects",
    "FPDFFormObj_GetObject",
    "FPDFPath_GetDrawMode",
    "FPDFPath_CountSegments",
    "FPDFPath_GetPathSegment",
    "FPDFPathSegment_GetType",
    "FPDFPathSegment_GetPoint",
    "FPDFPathSegment_GetClose",
)
"""In the order of ``Functions`` in ``paths.c``."""

MOST_RECTANGLES = 20_000
"""Of each sort; where there are more, ``rules.py`` reads them."""

_NO_BOXES, _NO_COLOURS = np.empty((0, 4), np.float32), np.empty(0, np.uint32)


@cache
def is_compiled() -> bool:
    """Tell whether the compiled way is there."""
    return _library() is not None


def read(objects: PageObjects, *, most_paths: int, deepest: int) -> tuple[Floats, Floats, Colours] | None:
    """Give the rules of a page, its fills and their colours.

    None if there are so many that only the general way has room for them.
    """
    room = _room()
    return room.rectangles() if room.read(objects, most_paths, deepest) else None


class _Room:
    """Memory for one page. It is used again for each: a process reads one page at a time."""

    def __init__(self) -> None:
        self._functions = np.array(list(map(pointer, FUNCTIONS)), np.uintp)
        self._rules, self._fills = (np.empty((MOST_RECTANGLES, 4), np.float32) for _ in range(2))
        self._colours = np.empty(MOST_RECTANGLES, np.uint32)
        self._drawn = ffi.new("Drawn*")
        self._drawn.most_objects, self._drawn.most_rectangles = MAX_OBJECTS, MOST_RECTANGLES
        self._drawn.rule_boxes = ffi.from_buffer(self._rules)
        self._drawn.fill_boxes = ffi.from_buffer(self._fills)
        self._drawn.fill_colours = ffi.from_buffer(self._colours)

    def read(self, objects: PageObjects, most_paths: int, deepest: int) -> bool:
        """Read what a page draws; gives whether there was room for it."""
        drawn = self._drawn
        drawn.rules = drawn.fills = drawn.full = 0
        drawn.paths_left, drawn.deepest = most_paths, deepest
        handles, kinds = np.ascontiguousarray(objects.handles), np.ascontiguousarray(objects.kinds)
        given = (ffi.from_buffer(array) for array in (self._functions, handles, kinds))
        _library().paths_read(*given, len(handles), drawn)
        return not drawn.full

    def rectangles(self) -> tuple[Floats, Floats, Colours]:
        """Give what was read."""
        rules, fills = self._drawn.rules, self._drawn.fills
        if not rules and not fills:  # as on most pages
            return _NO_BOXES, _NO_BOXES, _NO_COLOURS
        return self._rules[:rules].copy(), self._fills[:fills].copy(), self._colours[:fills].copy()


@cache
def _room() -> _Room:
    return _Room()


@cache
def _library() -> Any:  # noqa: ANN401 - the C functions exist only in ``declarations``
    return load(ffi, __file__, "paths", VERSION)
