"""Link annotations of a PDF page (ISO 32000-2, 12.5.6.5): where they are, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.value import quick

MAX_LINKS = 5_000
MAX_ADDRESS_BYTES = 2_048

_ADDRESS = re.compile(r"(?:https?|ftp|mailto|tel):[!-~]+", re.IGNORECASE)
"""Only what leads to somewhere, and cannot end a Markdown link early or run anything."""


@quick
@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link; ``bounds`` are left, top, right, bottom in PDF user space."""

    bounds: tuple[float, float, float, float]
    target: str


def page_links(document: int, page: int) -> Iterator[FoundLink]:
    """Give the links of an open page that lead to an address or to a page."""
    pdfium = library()
    if not pdfium.FPDFPage_GetAnnotCount(page):
        return
    place, link = ffi.new("int*"), ffi.new("uintptr_t*")
    rect = ffi.new("FS_RECTF*")
    for _ in range(MAX_LINKS):
        if not pdfium.FPDFLink_Enumerate(page, place, link):
            return
        target = _target(document, link[0])
        if target and pdfium.FPDFLink_GetAnnotRect(link[0], rect):
            yield FoundLink((rect.left, rect.top, rect.right, rect.bottom), target)


def _target(document: int, link: int) -> str:
    pdfium = library()
    action = pdfium.FPDFLink_GetAction(link)
    address = _address(document, action) if action else ""
    if address:
        return address
    place = pdfium.FPDFLink_GetDest(document, link) or (pdfium.FPDFAction_GetDest(document, action) if action else 0)
    number = pdfium.FPDFDest_GetDestPageIndex(document, place) if place else -1
    return f"#page-{number + 1}" if number >= 0 else ""


def _address(document: int, action: int) -> str:
    buffer = ffi.new("char[]", MAX_ADDRESS_BYTES)
    size = library().FPDFAction_GetURIPath(document, action, buffer, MAX_ADDRESS_BYTES)
    if not 1 < size <= MAX_ADDRESS_BYTES:
        return ""
    address = bytes(ffi.buffer(buffer, size - 1)).decode("utf-8", "replace").strip()
    address = address.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
    return address if _ADDRESS.fullmatch(address) else ""
