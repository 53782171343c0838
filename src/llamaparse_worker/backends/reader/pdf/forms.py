"""Fields of interactive forms (ISO 32000-2, 12.7): what is filled in, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from llamaparse_worker.backends.reader.pdf.annotations import (
    UNSEEN,
    Bounds,
    bounds_of,
    each_annotation,
    text_from,
    text_of,
)
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.forms import Choice, FieldKind

_WIDGET = 20
_CHECKBOX, _RADIO_BUTTON, _COMBO_BOX, _LIST_BOX, _TEXT, _SIGNATURE = 2, 3, 4, 5, 6, 7
_KINDS = {
    _CHECKBOX: FieldKind.CHECKBOX,
    _RADIO_BUTTON: FieldKind.SINGLE_SELECT,
    _COMBO_BOX: FieldKind.SINGLE_SELECT,
    _LIST_BOX: FieldKind.SINGLE_SELECT,
    _TEXT: FieldKind.TEXT,
    _SIGNATURE: FieldKind.SIGNATURE,
}
_PASSWORD, _SEVERAL = 1 << 13, 1 << 21
_MAX_CHOICES = 10_000
"""Of all lists of a page; those of a list beyond are not told, what is chosen is."""
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
    """Whether a box or button is chosen or a signature given; None for others."""
    kind: FieldKind = FieldKind.TEXT
    name: str = ""
    description: str = ""
    """What the form says of it, for those who cannot see it."""
    choices: tuple[Choice, ...] = ()
    withheld: bool = False

    @property
    def is_button(self) -> bool:
        """Whether it is one of several to choose from."""
        return self.kind is FieldKind.SINGLE_SELECT and self.checked is not None


class Forms:
    """The form of an open document; PDFium looks at it when the first field is asked for."""

    def __init__(self, document: int) -> None:
        self._document = document
        self._form = 0
        self._info = ffi.new("char[]", _INFO_BYTES)

    def of_page(self, page: int) -> Iterator[FoundField]:
        """Give the fields of an open page that are to be seen, but for buttons that only do something."""
        if not self._opened():
            return
        pdfium = library()
        left = _MAX_CHOICES
        for annotation in each_annotation(page):
            if pdfium.FPDFAnnot_GetSubtype(annotation) == _WIDGET:
                found = _field(self._form, annotation, left)
                if found is not None:
                    left -= len(found.choices)
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


def _field(form: int, annotation: int, most_choices: int) -> FoundField | None:
    pdfium = library()
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    bounds = bounds_of(annotation)
    if pdfium.FPDFAnnot_GetFlags(annotation) & UNSEEN or bounds is None or kind not in _KINDS:
        return None
    field = FoundField(
        bounds,
        value="",
        checked=None,
        kind=_KINDS[kind],
        name=_text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation),
        description=_text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation),
    )
    if kind in {_CHECKBOX, _RADIO_BUTTON}:
        state = text_of(annotation, b"AS")
        meaning = _text(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation)
        return replace(field, value=meaning, checked=state not in {"", _OFF})
    if kind == _SIGNATURE:
        return replace(field, checked=bool(pdfium.FPDFAnnot_HasKey(annotation, b"V")))
    flags = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation)
    if kind == _TEXT and flags & _PASSWORD:
        return replace(field, withheld=True)
    field = replace(field, value=_text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation))
    if kind == _TEXT:
        return field
    several = kind == _LIST_BOX and flags & _SEVERAL
    return replace(
        field,
        kind=FieldKind.MULTI_SELECT if several else FieldKind.SINGLE_SELECT,
        choices=tuple(_choices(form, annotation, most_choices)),
    )


def _choices(form: int, annotation: int, most: int) -> Iterator[Choice]:
    """Give what a list offers, all or nothing."""
    pdfium = library()
    count = pdfium.FPDFAnnot_GetOptionCount(form, annotation)
    for index in range(count if count <= most else 0):
        label = text_from(partial(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, index))
        yield Choice(label.strip(), bool(pdfium.FPDFAnnot_IsOptionSelected(form, annotation, index)))


def _text(read: Callable[..., int], form: int, annotation: int) -> str:
    return text_from(partial(read, form, annotation)).strip()
