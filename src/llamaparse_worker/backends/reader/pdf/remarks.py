"""Comments and marked text of a PDF page (ISO 32000-2, 12.5.6.2 and 12.5.6.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llamaparse_worker.backends.reader.pdf.annotations import UNSEEN, Bounds, bounds_of, each_annotation, text_of
from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.blocks import SpanKind

MAX_LINES = 500

_NOTES = frozenset({1, 3})
"""Subtypes that are but their text: a note, and text written on the page."""
_MARKS = {
    9: SpanKind.HIGHLIGHT,
    10: SpanKind.UNDERLINE,
    11: SpanKind.UNDERLINE,
    12: SpanKind.STRIKEOUT,
}
"""What marks text, by subtype; the wavy line is one below the text."""


@dataclass(frozen=True, slots=True)
class FoundRemark:
    """A remark; ``lines`` are the bounds of each line of text that it marks, in PDF user space."""

    bounds: Bounds
    mark: SpanKind | None
    lines: tuple[Bounds, ...]
    text: str
    author: str


def page_remarks(page: int) -> Iterator[FoundRemark]:
    """Give the remarks on an open page in the order of the file."""
    pdfium = library()
    for annotation in each_annotation(page):
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        bounds = bounds_of(annotation)
        if (kind not in _NOTES and kind not in _MARKS) or bounds is None:
            continue
        if not pdfium.FPDFAnnot_GetFlags(annotation) & UNSEEN:
            lines = tuple(_lines(annotation)) if kind in _MARKS else ()
            yield FoundRemark(
                bounds, _MARKS.get(kind), lines, text_of(annotation, b"Contents"), text_of(annotation, b"T")
            )


def _lines(annotation: int) -> Iterator[Bounds]:
    corners = ffi.new("float[8]")
    for index in range(min(library().FPDFAnnot_CountAttachmentPoints(annotation), MAX_LINES)):
        if library().FPDFAnnot_GetAttachmentPoints(annotation, index, corners):
            across, up = list(corners)[::2], list(corners)[1::2]
            yield min(across), max(up), max(across), min(up)
