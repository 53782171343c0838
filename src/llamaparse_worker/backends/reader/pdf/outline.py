"""The outline of a PDF, which viewers show as bookmarks (ISO 32000-2, 12.3.3): titles, and where they lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library
from llamaparse_worker.model.value import quick

MAX_ENTRIES = 5_000
MAX_LOOKUPS = 20_000_000
"""Of pages: PDFium goes through the pages to find the one that an entry leads to."""

_MAX_DEPTH = 16
_TITLE_BYTES = 1_024
"""A longer title is no heading."""
_END_BYTES = 2


@quick
@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """An entry of the outline; ``depth`` counts from 1, ``place`` is a point of its page in user space."""

    title: str
    depth: int
    place: tuple[float, float] | None


class Outline:
    """Gives the outline of one open document page by page; it is read when the first page asks."""

    def __init__(self, document: int, page_count: int) -> None:
        self._document = document
        self._most = min(MAX_ENTRIES, MAX_LOOKUPS // max(1, page_count))
        self._of_pages: dict[int, list[OutlineEntry]] | None = None

    def of_page(self, number: int) -> list[OutlineEntry]:
        """Give the entries that lead to a page, in their order."""
        if self._of_pages is None:
            self._of_pages = self._read()
        return self._of_pages.get(number, [])

    def _read(self) -> dict[int, list[OutlineEntry]]:
        found: dict[int, list[OutlineEntry]] = defaultdict(list)
        for handle, depth in self._handles():
            title = _title(handle)
            target = _target(self._document, handle) if title else 0
            number = library().FPDFDest_GetDestPageIndex(self._document, target) + 1 if target else 0
            if number > 0:
                found[number].append(OutlineEntry(title, depth, _place(target)))
        return dict(found)

    def _handles(self) -> Iterator[tuple[int, int]]:
        """Give entries with their depths, each before those below it; those of damaged files may lead in circles."""
        pdfium = library()
        seen: set[int] = set()
        waiting = [(pdfium.FPDFBookmark_GetFirstChild(self._document, 0), 1)]
        while waiting and len(seen) < self._most:
            handle, depth = waiting.pop()
            if not handle or handle in seen:
                continue
            seen.add(handle)
            yield handle, depth
            waiting.append((pdfium.FPDFBookmark_GetNextSibling(self._document, handle), depth))
            if depth < _MAX_DEPTH:
                waiting.append((pdfium.FPDFBookmark_GetFirstChild(self._document, handle), depth + 1))


def _title(handle: int) -> str:
    buffer = ffi.new("char[]", _TITLE_BYTES)
    size = library().FPDFBookmark_GetTitle(handle, buffer, _TITLE_BYTES)
    if not _END_BYTES < size <= _TITLE_BYTES:
        return ""
    return " ".join(ffi.buffer(buffer)[: size - _END_BYTES].decode("utf-16-le", "replace").split())


def _target(document: int, handle: int) -> int:
    """Give where an entry leads itself, or by its action."""
    pdfium = library()
    found: int = pdfium.FPDFBookmark_GetDest(document, handle)
    if found:
        return found
    action = pdfium.FPDFBookmark_GetAction(handle)
    return int(pdfium.FPDFAction_GetDest(document, action)) if action else 0


def _place(target: int) -> tuple[float, float] | None:
    has, values = ffi.new("int[3]"), ffi.new("float[3]")
    found = library().FPDFDest_GetLocationInPage(target, has, has + 1, has + 2, values, values + 1, values + 2)
    return (values[0] if has[0] else 0.0, values[1]) if found and has[1] else None
