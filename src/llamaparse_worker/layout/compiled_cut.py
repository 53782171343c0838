"""The compiled way to cut characters into runs: ``cut.c``, which was built when this package was installed.

Where it was not built, because no compiler could be had, ``cut.py`` does the same, about four times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from cffi import FFI

from llamaparse_worker.compiled import load
from llamaparse_worker.layout.cut import (
    LAST_SPACE,
    MOST_HALF_POINTS,
    SPACES,
    Runs,
    common_look,
    font_looks,
    owners_of_characters,
)
from llamaparse_worker.layout.inline import BOLD, CODE, ITALIC
from llamaparse_worker.layout.rules import Rule
from llamaparse_worker.model.page import RawPage

VERSION = 2
"""Of ``cut.c``: a library that an earlier version has left is not used."""

_DONE = 0
_ffi: Any = FFI()
_ffi.cdef("""
typedef struct {
    void *codes, *boxes, *sizes, *fonts, *owners, *rules, *spaces, *looks, *pitches;
    double width, height;
    int64_t count, rule_count, last_space, font_count;
} Page;
typedef struct {
    int32_t *places;
    float *ink_sizes;
    uint8_t *ink_looks;
    int32_t *firsts, *lasts;
    double *boxes, *run_sizes;
    uint8_t *traits;
    int32_t *run_owners, *gap_runs, *gap_counts;
    double *gap_edges;
    int32_t *look_runs, *look_places;
    uint8_t *look_looks;
    int64_t visible, runs, gaps, looks, bold, italic, code;
    int64_t *size_counts;
} Cut;
int cut_version(void);
int cut_page(Page*, Cut*);
""")
_SPACES = _ffi.from_buffer(SPACES)
_PITCH_BYTES = 32
_ARRAYS = (
    ("places", "int32_t", 1),
    ("ink_sizes", "float", 1),
    ("ink_looks", "uint8_t", 1),
    ("firsts", "int32_t", 1),
    ("lasts", "int32_t", 1),
    ("boxes", "double", 4),
    ("run_sizes", "double", 1),
    ("traits", "uint8_t", 1),
    ("run_owners", "int32_t", 1),
    ("gap_runs", "int32_t", 1),
    ("gap_counts", "int32_t", 1),
    ("gap_edges", "double", 2),
    ("look_runs", "int32_t", 1),
    ("look_places", "int32_t", 1),
    ("look_looks", "uint8_t", 1),
)
"""The arrays of ``Cut``, the type of their members in C, and how many of those a character needs."""
_USUAL_CHARACTERS = 16_384
_KINDS = {"int32_t": np.int32, "float": np.float32, "double": np.float64, "uint8_t": np.uint8}


class LeftToGeneralWay(Exception):
    """A page that ``cut.c`` does not read: characters beyond its edge, or arrays that do not fit each other."""


@cache
def is_compiled() -> bool:
    """Tell whether the compiled way is there."""
    return _library() is not None


def cut(page: RawPage, upright: Sequence[Rule]) -> Runs | None:
    """Do what ``cut.cut`` does; only where ``is_compiled``.

    Raises:
        LeftToGeneralWay: the page must be cut by ``cut.cut``.
    """
    count = len(page.text)
    if not count:
        return None
    if not len(page.boxes) == 4 * len(page.sizes) == 8 * len(page.fonts) == 16 * count:
        raise LeftToGeneralWay
    looks = font_looks(page.font_table)
    owned = owners_of_characters(page)
    rules = np.array([(rule.at, rule.start, rule.end) for rule in sorted(upright, key=_place)], np.float64)
    room = _room() if count <= _USUAL_CHARACTERS else _Room(count)
    given = _ffi.new("Page*")
    kept = page.text.encode("utf-32-le", "replace")
    pitches = np.zeros(len(looks) * _PITCH_BYTES, np.uint8)
    given.codes, given.boxes = _ffi.from_buffer(kept), _ffi.from_buffer(page.boxes)
    given.sizes, given.fonts = _ffi.from_buffer(page.sizes), _ffi.from_buffer(page.fonts)
    given.owners = _ffi.NULL if owned is None else _ffi.from_buffer(owned)
    given.rules, given.spaces = _ffi.from_buffer(rules), _SPACES
    given.looks, given.pitches = _ffi.from_buffer(looks), _ffi.from_buffer(pitches)
    given.width, given.height = page.width, page.height
    given.count, given.rule_count, given.last_space, given.font_count = count, len(rules), LAST_SPACE, len(looks)
    return room.runs() if room.is_filled(given) else None


def _place(rule: Rule) -> float:
    return rule.at


@cache
def _room() -> _Room:
    """Keep memory for usual pages, as a process cuts one at a time."""
    return _Room(_USUAL_CHARACTERS)


class _Room:
    """Memory for the answer; a page cannot have more runs than characters."""

    def __init__(self, count: int) -> None:
        self.cut = _ffi.new("Cut*")
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        for name, kind, width in _ARRAYS:
            self._arrays[name] = np.empty(count * width, _KINDS[kind])
            setattr(self.cut, name, _ffi.from_buffer(f"{kind}[]", self._arrays[name]))
        self._size_counts = np.empty(MOST_HALF_POINTS + 1, np.int64)
        self.cut.size_counts = _ffi.from_buffer("int64_t[]", self._size_counts)

    def is_filled(self, given: Any) -> bool:  # noqa: ANN401 - a C structure
        """Cut a page; gives whether anything is visible on it.

        Raises:
            LeftToGeneralWay: the page must be cut by ``cut.cut``.
        """
        self._size_counts[:] = 0
        if _library().cut_page(given, self.cut) != _DONE:
            raise LeftToGeneralWay
        return bool(self.cut.visible)

    def runs(self) -> Runs:
        """Give the answer as lists."""
        cut = self.cut
        counts = [(BOLD, cut.bold), (ITALIC, cut.italic), (CODE, cut.code)]
        edges = self._arrays["gap_edges"][: 2 * cut.gaps].reshape(-1, 2).T.tolist()
        return Runs(
            firsts=self._first("firsts", cut.runs),
            lasts=self._first("lasts", cut.runs),
            boxes=self._arrays["boxes"][: 4 * cut.runs].reshape(-1, 4).tolist(),
            sizes=self._first("run_sizes", cut.runs),
            traits=self._first("traits", cut.runs),
            owners=self._first("run_owners", cut.runs),
            gaps=list(zip(self._first("gap_runs", cut.gaps), self._first("gap_counts", cut.gaps), *edges, strict=True)),
            looks=list(
                zip(*(self._first(f"look_{name}", cut.looks) for name in ("runs", "places", "looks")), strict=True)
            ),
            visible=cut.visible,
            usual_size=float(self._size_counts.argmax()) / 2,
            common_look=common_look(counts, cut.visible),
        )

    def _first(self, name: str, count: int) -> list[Any]:
        return self._arrays[name][:count].tolist()  # type: ignore[no-any-return] # numpy does not know of which type

    def _firsts(self, count: int, *names: str) -> list[list[Any]]:
        return [self._first(name, count) for name in names]


@cache
def _library() -> Any:  # noqa: ANN401 - the C functions exist only in the declarations above
    return load(_ffi, __file__, "cut", VERSION)
