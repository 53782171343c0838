"""What an open PDF page is drawn with, by kind; asked once, as a page may have an object for every letter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.pdfium import library

MAX_OBJECTS = 50_000


@dataclass(frozen=True, slots=True)
class PageObjects:
    """Handles and kinds of the objects of a page or of a form, in drawing order."""

    handles: list[int]
    kinds: npt.NDArray[np.intc]

    def of_kind(self, *kinds: int) -> Iterator[tuple[int, int]]:
        """Give the handle and kind of every object that is of one of these kinds."""
        chosen = np.zeros(len(self.kinds), np.bool_)
        for kind in kinds:
            chosen |= self.kinds == kind
        places = np.flatnonzero(chosen)
        for place, kind in zip(places.tolist(), self.kinds[places].tolist(), strict=True):
            yield self.handles[place], kind


def page_objects(page: int) -> PageObjects:
    """Give the objects of a page, the first ``MAX_OBJECTS`` of them."""
    pdfium = library()
    count = min(max(0, pdfium.FPDFPage_CountObjects(page)), MAX_OBJECTS)
    return _of_handles(list(map(pdfium.FPDFPage_GetObject, repeat(page), range(count))))


def form_objects(form: int) -> PageObjects:
    """Give the objects of a form, the first ``MAX_OBJECTS`` of them."""
    pdfium = library()
    count = min(max(0, pdfium.FPDFFormObj_CountObjects(form)), MAX_OBJECTS)
    return _of_handles(list(map(pdfium.FPDFFormObj_GetObject, repeat(form), range(count))))


def _of_handles(handles: list[int]) -> PageObjects:
    return PageObjects(handles, np.fromiter(map(library().FPDFPageObj_GetType, handles), np.intc, len(handles)))
