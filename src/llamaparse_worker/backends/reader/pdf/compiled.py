"""The compiled way to read characters: ``glyphs.c``, which was built when this package was installed.

Where it was not built, because no compiler could be had, all works as well through cffi, about ten times slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.compiled import load
from llamaparse_worker.model.value import quick

Floats = npt.NDArray[np.float32]

VERSION = 5
"""Of ``glyphs.c``: a library that an earlier version has left is not used."""
FUNCTIONS = (
    "FPDFText_GetUnicode",
    "FPDFText_GetLooseCharBox",
    "FPDFText_GetTextObject",
    "FPDFText_GetMatrix",
    "FPDFText_GetFontSize",
    "FPDFTextObj_GetFont",
    "FPDFTextObj_GetTextRenderMode",
    "FPDFPageObj_GetFillColor",
)
"""In the order of ``Functions`` in ``glyphs.c``."""

COLOURS = 256
"""Places in the table of colours; the last stands for all further colours."""
_MOST_FONTS = 65_535
_USUAL_CHARACTERS = 16_384


@quick
@dataclass(frozen=True, slots=True)
class Arrays:
    """What ``glyphs.c`` fills: one place a character, and the handles of the fonts."""

    codes: npt.NDArray[np.uint32]
    boxes: Floats
    objects: npt.NDArray[np.uint64]
    sizes: Floats
    fonts: npt.NDArray[np.uint16]
    traits: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]
    font_handles: tuple[int, ...]
    colour_table: tuple[int, ...]
    unclean: int
    """How many of the codes are no character that a text may have."""


@cache
def is_compiled() -> bool:
    """Tell whether the compiled way is there."""
    return _library() is not None


def read(text_page: int, count: int) -> Arrays:
    """Read all characters of a text page; only where ``is_compiled``.

    The arrays of a usual page are filled anew by the next call: a process reads one page at a time.
    """
    return (_room() if count <= _USUAL_CHARACTERS else _Room(count)).read(text_page, count)


class _Room:
    """Memory for the characters of a page."""

    def __init__(self, count: int) -> None:
        self._codes, self._boxes = np.empty(count, np.uint32), np.empty((count, 4), np.float32)
        self._objects, self._sizes = np.empty(count, np.uint64), np.empty(count, np.float32)
        self._fonts, self._traits = np.empty(count, np.uint16), np.empty(count, np.uint8)
        self._colours, self._colour_table = np.empty(count, np.uint8), np.empty(COLOURS, np.uint32)
        self._font_table = np.empty(min(count, _MOST_FONTS) + 1, np.uint64)
        self._counts = ffi.new("int[2]")
        arrays = (self._codes, self._boxes, self._objects, self._sizes, self._fonts, self._traits, self._colours)
        self._places = np.array([_place(array) for array in (*arrays, self._colour_table)], np.uintp)
        self._given = (_address(self._places), _address(self._font_table), len(self._font_table))

    def read(self, text_page: int, count: int) -> Arrays:
        """Read the characters of a page, for which there must be room."""
        counts, functions = self._counts, _address(_functions())
        known = _library().glyphs_read(functions, text_page, count, *self._given, counts, counts + 1)
        return Arrays(
            self._codes[:count],
            self._boxes[:count],
            self._objects[:count],
            self._sizes[:count],
            self._fonts[:count],
            self._traits[:count],
            self._colours[:count],
            tuple(self._font_table[:known].tolist()),
            tuple(self._colour_table[: counts[0]].tolist()),
            counts[1],
        )


@cache
def _room() -> _Room:
    return _Room(_USUAL_CHARACTERS)


def displayed(boxes: Floats, bounds: tuple[float, float, float, float], quarters: int) -> Floats:
    """Map boxes as ``view.displayed`` does; only where ``is_compiled``."""
    boxes = np.ascontiguousarray(boxes, np.float32)
    mapped = np.empty_like(boxes)
    _library().glyphs_displayed(_address(boxes), len(boxes), _rectangle(bounds), quarters, _address(mapped))
    return mapped


@lru_cache(maxsize=16)  # the pages of a document are mostly of one size
def _rectangle(bounds: tuple[float, float, float, float]) -> Any:  # noqa: ANN401 - a C array
    left, bottom, right, top = bounds
    return ffi.new("float[4]", (left, top, right, bottom))


def members(name: str, owner: int, count: int) -> npt.NDArray[np.uint64]:
    """Give what PDFium's function of this name gives for an owner and each index."""
    if not is_compiled():
        return np.fromiter(map(getattr(library(), name), repeat(owner), range(count)), np.uint64, count)
    found = np.empty(count, np.uint64)
    _library().glyphs_members(pointer(name), owner, count, _address(found))
    return found


def answers(name: str, handles: npt.NDArray[np.uint64]) -> npt.NDArray[np.intc]:
    """Give the number that PDFium's function of this name gives for each handle."""
    if not is_compiled():
        return np.fromiter(map(getattr(library(), name), handles.tolist()), np.intc, len(handles))
    handles = np.ascontiguousarray(handles)
    found = np.empty(len(handles), np.intc)
    _library().glyphs_answers(pointer(name), _address(handles), len(handles), _address(found))
    return found


@cache
def pointer(name: str) -> int:
    """Give the address of PDFium's function of this name."""
    return int(ffi.cast("uintptr_t", getattr(library(), name)))


def _address(array: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - a C pointer
    # Quicker than ``array.ctypes.data`` and ``array.__array_interface__``, which build objects of their own first.
    return ffi.from_buffer(array)


def _place(array: npt.NDArray[Any]) -> int:
    return int(ffi.cast("uintptr_t", _address(array)))


@cache
def _functions() -> npt.NDArray[np.uintp]:
    return np.array(list(map(pointer, FUNCTIONS)), np.uintp)


@cache
def _library() -> Any:  # noqa: ANN401 - the C functions exist only in ``declarations``
    return load(ffi, __file__, "glyphs", VERSION)
