"""Fields of interactive forms (ISO 32000-2, 12.7): what is filled in, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llamaparse_worker.backends.reader.pdf.annotations import (
    UNSEEN,
    Bounds,
    bounds_of,
    each_annotation,
    text_from,
    text_of,
)
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library

_WIDGET = 20
_CHECKBOX, _RADIO_BUTTON = 2, 3
_WITH_VALUE = frozenset({4, 5, 6})
"""Field types: combo box, list box, text."""
_PASSWORD = 1 << 13
_OFF = "Off"
"""The state of what is not chosen."""
_INFO_BYTES, _INFO_VERSION = 512, 2
"""More than PDFium's table of callbacks takes; none of them is needed to read values."""


@dataclass(frozen=True, slots=True)
class FoundField:
    """A field on a page; ``bounds`` are left, top, right, bottom in PDF user space."""

    bounds: Bounds
    value: str
    checked: bool | None
    """Whether a box or button is chosen; None for fields of text."""


class Forms:
    """The form of an open document; PDFium looks at it when the first field is asked for."""

    def __init__(self, document: int) -> None:
        self._document = document
        self._form = 0
        self._info = ffi.new("char[]", _INFO_BYTES)

    def of_page(self, page: int) -> Iterator[FoundField]:
        """Give the fields of an open page that hold something, and all boxes and buttons to choose."""
        if not self._opened():
            return
        pdfium = library()
        for annotation in each_annotation(page):
            if pdfium.FPDFAnnot_GetSubtype(annotation) == _WIDGET:
                found = _field(self._form, annotation)
                if found is not None:
                    yield found

    def close(self) -> None:
        """Give the form back; it goes before its document does."""
        if self._form:
            library().FPDFDOC_ExitFormFillEnvironment(self._form)
            self._form = 0

    def _opened(self) -> bool:
        if not self._form and library().FPDF_GetFormType(self._document):
            ffi.cast("int*", self._info)[0] = _INFO_VERSION
            self._form = library().FPDFDOC_InitFormFillEnvironment(self._document, self._info)
        return bool(self._form)


def _field(form: int, annotation: int) -> FoundField | None:
    pdfium = library()
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    bounds = bounds_of(annotation)
    if pdfium.FPDFAnnot_GetFlags(annotation) & UNSEEN or bounds is None:
        return None
    if kind in {_CHECKBOX, _RADIO_BUTTON}:
        state = text_of(annotation, b"AS")
        return FoundField(bounds, "", state not in {"", _OFF})
    if kind not in _WITH_VALUE or pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return None
    value = text_from(lambda *room: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, *room)).strip()
    return FoundField(bounds, value, None) if value else None
