"""What an open PDF page is drawn with, by kind; asked once, as a page may have an object for every letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import answers, members
from llamaparse_worker.backends.reader.pdf.pdfium import library
from llamaparse_worker.model.value import quick

MAX_OBJECTS = 50_000


@quick
@dataclass(frozen=True, slots=True)
class PageObjects:
    """Handles and kinds of the objects of a page or of a form, in drawing order."""

    handles: npt.NDArray[np.uint64]
    kinds: npt.NDArray[np.intc]

    @property
    def is_full(self) -> bool:
        """Whether there may be more: so many take seconds to draw, and hardly leave the page blank."""
        return len(self.handles) >= MAX_OBJECTS

    def has(self, *kinds: int) -> bool:
        """Tell whether any object is of one of these kinds."""
        present = self.kinds.tobytes()  # kinds are small numbers: each is a byte of these
        return any(kind in present for kind in kinds)

    def of_kind(self, *kinds: int) -> Iterator[tuple[int, int]]:
        """Give the handle and kind of every object that is of one of these kinds."""
        if not self.has(*kinds):  # as of images on most pages
            return
        places = np.flatnonzero(np.logical_or.reduce([self.kinds == kind for kind in kinds]))
        yield from zip(self.handles[places].tolist(), self.kinds[places].tolist(), strict=True)


def page_objects(page: int) -> PageObjects:
    """Give the objects of a page, the first ``MAX_OBJECTS`` of them."""
    count = min(max(0, library().FPDFPage_CountObjects(page)), MAX_OBJECTS)
    return _of_handles(members("FPDFPage_GetObject", page, count))


def form_objects(form: int) -> PageObjects:
    """Give the objects of a form, the first ``MAX_OBJECTS`` of them."""
    count = min(max(0, library().FPDFFormObj_CountObjects(form)), MAX_OBJECTS)
    return _of_handles(members("FPDFFormObj_GetObject", form, count))


def some_objects(page: int, most: int) -> PageObjects:
    """Give at most ``most`` objects of a page, spread over all that it has."""
    pdfium = library()
    return _spread(pdfium.FPDFPage_GetObject, page, pdfium.FPDFPage_CountObjects(page), most)


def some_form_objects(form: int, most: int) -> PageObjects:
    """Give at most ``most`` objects of a form, spread over all that it has."""
    pdfium = library()
    return _spread(pdfium.FPDFFormObj_GetObject, form, pdfium.FPDFFormObj_CountObjects(form), most)


def _spread(get: Callable[[int, int], int], owner: int, count: int, most: int) -> PageObjects:
    # At random, as objects often alternate: each second one may be of one kind. The same ones every time.
    chosen = range(max(0, count)) if count <= most else sorted(Random(0).sample(range(count), most))  # noqa: S311
    return _of_handles(np.fromiter((get(owner, index) for index in chosen), np.uint64, len(chosen)))


def _of_handles(handles: npt.NDArray[np.uint64]) -> PageObjects:
    return PageObjects(handles, answers("FPDFPageObj_GetType", handles))
