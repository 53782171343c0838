"""The structure tree of a tagged PDF page (ISO 32000-2, 14.7 and 14.8): which element each character belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf import compiled_structure
from llamaparse_worker.backends.reader.pdf.compiled import answers
from llamaparse_worker.backends.reader.pdf.elements import OUTSIDE, Elements, read
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.characters import Element

_MAX_SPAN = 1_000
_SPANNING = frozenset({"TD", "TH"})

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Structure:
    """The elements of a page in reading order; both are empty for a page without structure."""

    elements: tuple[Element, ...]
    of_characters: Indices


_NONE = Structure((), np.zeros(0, np.int32))


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
            return _NONE
        if self._first is None:
            self._first = _Tree.of(page) if number == 1 else self._tree_of_first()
        if self._first.too_wide:
            return _NONE
        found = self._first if number == 1 else _Tree.of(page)
        return found.structure(objects) if found.elements else _NONE

    def _tree_of_first(self) -> _Tree:
        page = library().FPDF_LoadPage(self._document, 0)
        if not page:
            return _Tree()
        found = _Tree.of(page)
        library().FPDF_ClosePage(page)
        return found


class _Tree:
    """Elements that reach into one page, and which of them each piece of marked content belongs to."""

    def __init__(self, elements: tuple[Element, ...] = (), found: Elements | None = None) -> None:
        self.elements = elements
        self.too_wide = found is not None and found.too_wide
        # The first element that claims a piece of content has it.
        self._of_content = dict(reversed(found.contents)) if found is not None else {}

    @classmethod
    def of(cls, page: int) -> _Tree:
        """Read the tree of an open page; it has no elements if it is too large."""
        tree = library().FPDF_StructTree_GetForPage(page)
        if not tree:
            return cls()
        try:
            found = (compiled_structure.read(tree) if compiled_structure.is_compiled() else None) or read(tree)
            return cls(() if found.too_wide else tuple(_elements(found)), found)
        finally:
            library().FPDF_StructTree_Close(tree)

    def structure(self, objects: npt.NDArray[np.uint64]) -> Structure:
        """Find the element of each character by the marked content that its text object stands in."""
        starts = np.flatnonzero(np.diff(objects, prepend=np.uint64(0)))
        # PDFium gives -1 for no object, as for one that stands in no marked content.
        contents = answers("FPDFPageObj_GetMarkedContentID", objects[starts]).tolist()
        found = np.array([OUTSIDE, *map(self._of_content.get, contents, repeat(OUTSIDE))], np.int32)
        lengths = np.diff(starts, prepend=0, append=len(objects))
        return Structure(self.elements, np.repeat(found, lengths))


def _elements(found: Elements) -> Iterator[Element]:
    for handle, parent, role, continued in zip(found.handles, found.parents, found.roles, found.continued, strict=True):
        rows, columns = _spans(handle) if role in _SPANNING else (1, 1)
        yield Element(role, parent, continued, rows, columns)


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
