"""The elements that a structure tree has for one page, as PDFium gives them, call by call.

``structure.c`` does the same in one call; both give the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from llamaparse_worker.backends.reader.pdf.pdfium import ffi, library

MAX_ELEMENTS = 20_000
MAX_CHILDREN = 5_000
"""PDFium goes through all children of each element that reaches into a page, those on other pages too: with more, the
cost of a page would grow with the number of pages."""
MAX_DEPTH = 64
ROLE_BYTES = 64
"""A longer role is none of the standard ones."""
OUTSIDE = -1


@dataclass(slots=True)
class Elements:
    """Elements in reading order, as parallel lists."""

    handles: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    continued: list[bool] = field(default_factory=list)
    """Whether something of the element stands on an earlier page."""
    contents: list[tuple[int, int]] = field(default_factory=list)
    """Each piece of marked content, and the element that it belongs to."""
    too_wide: bool = False
    """Whether there are too many to read them."""


def read(tree: int) -> Elements:
    """Give the elements of an open tree."""
    found = Elements()
    count = library().FPDF_StructTree_CountChildren(tree)
    found.too_wide = count > MAX_CHILDREN
    for index in range(min(count, MAX_CHILDREN)):
        _add(found, library().FPDF_StructTree_GetChildAtIndex(tree, index), OUTSIDE, 0)
    return found


def _add(found: Elements, handle: int, parent: int, depth: int) -> None:
    if not handle or depth > MAX_DEPTH or found.too_wide:
        return
    pdfium = library()
    count = max(0, pdfium.FPDF_StructElement_CountChildren(handle))
    found.too_wide = count > MAX_CHILDREN or len(found.handles) >= MAX_ELEMENTS
    if found.too_wide:
        return
    number = len(found.handles)
    found.handles.append(handle)
    found.parents.append(parent)
    found.roles.append(_role(handle))
    found.continued.append(False)
    first = -1
    for index in range(count):
        child = pdfium.FPDF_StructElement_GetChildAtIndex(handle, index)
        content = OUTSIDE if child else pdfium.FPDF_StructElement_GetChildMarkedContentID(handle, index)
        if child:
            _add(found, child, number, depth + 1)
        elif content >= 0:
            found.contents.append((content, number))
        if first < 0 and (child or content >= 0):
            first = index
    found.continued[number] = first > 0


def _role(handle: int) -> str:
    buffer = _role_buffer()
    size = library().FPDF_StructElement_GetType(handle, buffer, ROLE_BYTES)
    return _decoded(ffi.buffer(buffer)[: max(0, size - 2)]) if size <= ROLE_BYTES else ""


@cache
def _role_buffer() -> Any:  # noqa: ANN401 - a C array
    return ffi.new("char[]", ROLE_BYTES)


@lru_cache(256)
def _decoded(role: bytes) -> str:
    return role.decode("utf-16-le", "replace")
