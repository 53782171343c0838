"""Annotations of a PDF page: what all of them have (ISO 32000-2, 12.5.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library

MAX_ANNOTATIONS = 5_000
MAX_TEXT_BYTES = 65_536

UNSEEN = 0x02 | 0x20
"""Flags of an annotation: hidden, or not for the screen."""

_NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
"""Control characters but tabs and line ends, and noncharacters, which the layout has a use of its own for."""

Bounds = tuple[float, float, float, float]
"""Left, top, right, bottom in user space."""


def each_annotation(page: int) -> Iterator[int]:
    """Give the annotations of an open page, each until the next one is asked for."""
    for index in range(min(library().FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        annotation = library().FPDFPage_GetAnnot(page, index)
        if annotation:
            try:
                yield annotation
            finally:
                library().FPDFPage_CloseAnnot(annotation)


def bounds_of(annotation: int) -> Bounds | None:
    """Give where an annotation is."""
    rect = ffi.new("FS_RECTF*")
    if not library().FPDFAnnot_GetRect(annotation, rect):
        return None
    return rect.left, rect.top, rect.right, rect.bottom


def text_of(annotation: int, key: bytes) -> str:
    """Give a text that an annotation has under a key."""
    return text_from(lambda *room: library().FPDFAnnot_GetStringValue(annotation, key, *room))


def text_from(read: Callable[..., int]) -> str:
    """Give a text in UTF-16 that a C function writes into a buffer; one that is too long is none."""
    size = read(ffi.NULL, 0)
    if not 2 < size <= MAX_TEXT_BYTES:  # noqa: PLR2004 - the end mark alone takes two bytes
        return ""
    buffer = ffi.new("unsigned char[]", size)
    read(buffer, size)
    return _NO_TEXT.sub("", bytes(ffi.buffer(buffer, size - 2)).decode("utf-16-le", "replace"))
