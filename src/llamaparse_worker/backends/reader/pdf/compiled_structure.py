"""The compiled way to read a structure tree: ``structure.c``, which was built when this package was installed.

Where it was not built, because no compiler could be had, ``structure.py`` does the same, about five times slower.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import pointer
from llamaparse_worker.backends.reader.pdf.elements import MAX_CHILDREN, MAX_DEPTH, MAX_ELEMENTS, ROLE_BYTES, Elements
from llamaparse_worker.backends.reader.pdf.pdfium import ffi
from llamaparse_worker.compiled import load

VERSION = 1
"""Of ``structure.c``: a library that an earlier version has left is not used."""
FUNCTIONS = (
    "FPDF_StructTree_CountChildren",
    "FPDF_StructTree_GetChildAtIndex",
    "FPDF_StructElement_CountChildren",
    "FPDF_StructElement_GetChildAtIndex",
    "FPDF_StructElement_GetChildMarkedContentID",
    "FPDF_StructElement_GetType",
)
"""In the order of ``Functions`` in ``structure.c``."""

_MOST_CONTENTS = 100_000
_MOST_ROLES = 256


@cache
def is_compiled() -> bool:
    """Tell whether the compiled way is there."""
    return _library() is not None


def read(tree: int) -> Elements | None:
    """Give the elements of an open tree; None if there are so many that only the general way has room for them."""
    room = _room()
    return room.elements() if room.read(tree) else None


class _Room:
    """Memory for one tree. It is used again for each: a process reads one page at a time."""

    def __init__(self) -> None:
        self._functions = np.array(list(map(pointer, FUNCTIONS)), np.uintp)
        self._handles = np.empty(MAX_ELEMENTS, np.uint64)
        self._parents, self._role_of = np.empty(MAX_ELEMENTS, np.int32), np.empty(MAX_ELEMENTS, np.int32)
        self._continued = np.empty(MAX_ELEMENTS, np.uint8)
        self._role_names = np.empty(_MOST_ROLES * ROLE_BYTES, np.uint8)
        self._content_ids, self._content_elements = (np.empty(_MOST_CONTENTS, np.int32) for _ in range(2))
        self._tree = ffi.new("Tree*")
        self._tree.most_elements, self._tree.most_children = MAX_ELEMENTS, MAX_CHILDREN
        self._tree.most_contents, self._tree.most_roles = _MOST_CONTENTS, _MOST_ROLES
        self._tree.deepest = MAX_DEPTH
        self._tree.handles = ffi.from_buffer("uint64_t[]", self._handles)
        self._tree.continued = ffi.from_buffer("uint8_t[]", self._continued)
        self._tree.role_names = ffi.from_buffer("uint8_t[]", self._role_names)
        for name in ("parents", "role_of", "content_ids", "content_elements"):
            setattr(self._tree, name, ffi.from_buffer("int32_t[]", getattr(self, f"_{name}")))

    def read(self, tree: int) -> bool:
        """Read a tree; gives whether there was room for it."""
        found = self._tree
        found.elements = found.contents = found.roles = found.too_wide = found.full = 0
        _library().structure_read(ffi.from_buffer(self._functions), tree, found)
        return not found.full

    def elements(self) -> Elements:
        """Give what was read."""
        found = self._tree
        names = self._role_names[: found.roles * ROLE_BYTES].tobytes().decode("utf-16-le", "replace")
        width = ROLE_BYTES // 2
        roles = [names[start : start + width].rstrip("\0") for start in range(0, len(names), width)]
        return Elements(
            handles=_first(self._handles, found.elements),
            parents=_first(self._parents, found.elements),
            roles=[roles[place] for place in _first(self._role_of, found.elements)],
            continued=list(map(bool, _first(self._continued, found.elements))),
            contents=list(
                zip(
                    _first(self._content_ids, found.contents),
                    _first(self._content_elements, found.contents),
                    strict=True,
                )
            ),
            too_wide=bool(found.too_wide),
        )


def _first(array: npt.NDArray[Any], count: int) -> list[int]:
    return array[:count].tolist()  # type: ignore[no-any-return] # numpy does not know of which type


@cache
def _room() -> _Room:
    return _Room()


@cache
def _library() -> Any:  # noqa: ANN401 - the C functions exist only in ``declarations``
    return load(ffi, __file__, "structure", VERSION)
