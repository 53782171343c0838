"""What an open PDF page is drawn with, by kind; asked once, as a page may have an object for every letter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import answers, members
from llamaparse_worker.backends.reader.pdf.pdfium import library

MAX_OBJECTS = 50_000


@dataclass(frozen=True, slots=True)
class PageObjects:
    """Handles and kinds of the objects of a page or of a form, in drawing order."""

    handles: npt.NDArray[np.uint64]
    kinds: npt.NDArray[np.intc]

    @property
    def is_full(self) -> bool:
        """Whether there may be more: so many take seconds to draw, and hardly leave the page blank."""
        return len(self.handles) >= MAX_OBJECTS

    def of_kind(self, *kinds: int) -> Iterator[tuple[int, int]]:
        """Give the handle and kind of every object that is of one of these kinds."""
        chosen = np.zeros(len(self.kinds), np.bool_)
        for kind in kinds:
            chosen |= self.kinds == kind
        places = np.flatnonzero(chosen)
        yield from zip(self.handles[places].tolist(), self.kinds[places].tolist(), strict=True)


def page_objects(page: int) -> PageObjects:
    """Give the objects of a page, the first ``MAX_OBJECTS`` of them."""
    count = min(max(0, library().FPDFPage_CountObjects(page)), MAX_OBJECTS)
    return _of_handles(members("FPDFPage_GetObject", page, count))


def form_objects(form: int) -> PageObjects:
    """Give the objects of a form, the first ``MAX_OBJECTS`` of them."""
    count = min(max(0, library().FPDFFormObj_CountObjects(form)), MAX_OBJECTS)
    return _of_handles(members("FPDFFormObj_GetObject", form, count))


def _of_handles(handles: npt.NDArray[np.uint64]) -> PageObjects:
    return PageObjects(handles, answers("FPDFPageObj_GetType", handles))
