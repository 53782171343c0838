"""The structure tree of a tagged PDF page (ISO 32000-2, 14.7 and 14.8): which element each character belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import answers
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.page import Element

MAX_ELEMENTS = 20_000
MAX_CHILDREN = 5_000
"""PDFium goes through all children of each element that reaches into a page, those on other pages too: with more, the
cost of a page would grow with the number of pages."""

_MAX_DEPTH = 64
_MAX_SPAN = 1_000
_ROLE_BYTES = 64
"""A longer role is none of the standard ones."""
_OUTSIDE = -1
_SPANNING = frozenset({"TD", "TH"})

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Structure:
    """The elements of a page in reading order; both are empty for a page without structure."""

    elements: tuple[Element, ...] = ()
    of_characters: Indices = field(default_factory=lambda: np.zeros(0, np.int32))


class Structures:
    """Gives the structure of the pages of one open document."""

    def __init__(self, document: int) -> None:
        self._document = document
        self._tagged = bool(library().FPDFCatalog_IsTagged(document))
        self._first: _Tree | None = None

    def of_page(self, page: int, number: int, objects: npt.NDArray[np.uint64]) -> Structure:
        """Give the structure of an open page whose characters are drawn by these text objects.

        The first page decides for all, so that every process decides alike.
        """
        if not self._tagged:
            return Structure()
        if self._first is None:
            self._first = _Tree.of(page) if number == 1 else self._tree_of_first()
        if self._first.too_wide:
            return Structure()
        found = self._first if number == 1 else _Tree.of(page)
        return found.structure(objects) if found.elements else Structure()

    def _tree_of_first(self) -> _Tree:
        page = library().FPDF_LoadPage(self._document, 0)
        if not page:
            return _Tree()
        found = _Tree.of(page)
        library().FPDF_ClosePage(page)
        return found


class _Tree:
    """Elements that reach into one page, and which of them each piece of marked content belongs to."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.of_content: dict[int, int] = {}
        self.too_wide = False

    @classmethod
    def of(cls, page: int) -> _Tree:
        """Read the tree of an open page; it has no elements if it is too large."""
        found = cls()
        pdfium = library()
        tree = pdfium.FPDF_StructTree_GetForPage(page)
        if not tree:
            return found
        try:
            count = pdfium.FPDF_StructTree_CountChildren(tree)
            found.too_wide = count > MAX_CHILDREN
            for index in range(min(count, MAX_CHILDREN)):
                found._add(pdfium.FPDF_StructTree_GetChildAtIndex(tree, index), _OUTSIDE, 0)
        finally:
            pdfium.FPDF_StructTree_Close(tree)
        if found.too_wide:
            found.elements.clear()
        return found

    def structure(self, objects: npt.NDArray[np.uint64]) -> Structure:
        """Find the element of each character by the marked content that its text object stands in."""
        starts = np.flatnonzero(np.diff(objects, prepend=np.uint64(0)))
        # PDFium gives -1 for no object, as for one that stands in no marked content.
        contents = answers("FPDFPageObj_GetMarkedContentID", objects[starts]).tolist()
        found = np.array([_OUTSIDE, *map(self.of_content.get, contents, repeat(_OUTSIDE))], np.int32)
        lengths = np.diff(starts, prepend=0, append=len(objects))
        return Structure(tuple(self.elements), np.repeat(found, lengths))

    def _add(self, handle: int, parent: int, depth: int) -> None:
        if not handle or depth > _MAX_DEPTH or self.too_wide:
            return
        pdfium = library()
        count = max(0, pdfium.FPDF_StructElement_CountChildren(handle))
        self.too_wide = count > MAX_CHILDREN or len(self.elements) >= MAX_ELEMENTS
        if self.too_wide:
            return
        number = len(self.elements)
        role = _role(handle)
        spans = _spans(handle) if role in _SPANNING else (1, 1)
        self.elements.append(Element(role, parent, continued=False, row_span=spans[0], column_span=spans[1]))
        first = -1
        for index in range(count):
            child = pdfium.FPDF_StructElement_GetChildAtIndex(handle, index)
            content = _OUTSIDE if child else pdfium.FPDF_StructElement_GetChildMarkedContentID(handle, index)
            if child:
                self._add(child, number, depth + 1)
            elif content >= 0:
                self.of_content.setdefault(content, number)
            if first < 0 and (child or content >= 0):
                first = index
        if first > 0:
            self.elements[number] = Element(role, parent, continued=True, row_span=spans[0], column_span=spans[1])


def _role(handle: int) -> str:
    buffer = _role_buffer()
    size = library().FPDF_StructElement_GetType(handle, buffer, _ROLE_BYTES)
    return _decoded(ffi.buffer(buffer)[: max(0, size - 2)]) if size <= _ROLE_BYTES else ""


@cache
def _role_buffer() -> Any:  # noqa: ANN401 - a C array
    return ffi.new("char[]", _ROLE_BYTES)


@lru_cache(256)
def _decoded(role: bytes) -> str:
    return role.decode("utf-16-le", "replace")


def _spans(handle: int) -> tuple[int, int]:
    rows = columns = 1
    pdfium = library()
    for index in range(max(0, pdfium.FPDF_StructElement_GetAttributeCount(handle))):
        attribute = pdfium.FPDF_StructElement_GetAttributeAtIndex(handle, index)
        rows = max(rows, _number(attribute, b"RowSpan"))
        columns = max(columns, _number(attribute, b"ColSpan"))
    return rows, columns


def _number(attribute: int, name: bytes) -> int:
    pdfium = library()
    value = pdfium.FPDF_StructElement_Attr_GetValue(attribute, name) if attribute else 0
    result = ffi.new("float*")
    if not value or not pdfium.FPDF_StructElement_Attr_GetNumberValue(value, result):
        return 1
    return int(min(max(result[0], 1), _MAX_SPAN))
