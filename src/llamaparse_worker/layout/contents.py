"""Entries of tables of contents and of indexes: a title, a row of dots, and a page.

The dots lead the eye over the paper and say nothing, so that three of them stand for the row in what is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import inf

from llamaparse_worker.layout.inline import PLAIN, SWITCHES
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.lines import join
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import changed

_DOTS = ".·\u2024\u2025…"
"""The last three are one, two and three dots in one character."""
_FEWEST_DOTS = 5
_PAGE = re.compile(r"(?:[0-9]{1,4}|[ivxlc]+|[IVXLC]+)$")
_PAGE_CHARACTERS = "0123456789ivxlcIVXLC"
_PAGE_ENDS = frozenset(_PAGE_CHARACTERS)
_LONGEST_PAGE = len("lxxxviii")
_REACH_EM = 2.5
"""From the number of a chapter to its title, and from a title to its dots."""
_PAGE_REACH_EM = 6.0
"""From the last dot to the page."""
_SAME_EDGE = 1.5
"""Points between pages at one edge."""
_FEWEST_BESIDE = 3
_AROUND_EM = 10.0
_MOST_PARTS = 400
"""Of a line; more are no entries."""
_SOME_DOTS = " ....."
_ROW = "".join((_DOTS, " ", *SWITCHES))
"""All that a row of dots consists of, in a text with switches of its look."""


def is_entry(text: str) -> bool:
    """Tell whether a line ends with a row of dots and a page."""
    if text[-1:] not in _PAGE_ENDS or (text.isascii() and text.count(".") < _FEWEST_DOTS):  # as most lines
        return False
    page = _PAGE.search(text, max(0, len(text) - _LONGEST_PAGE))
    return page is not None and _has_row(text[: page.start()])


def _has_row(text: str) -> bool:
    """Tell whether a text ends with a row of dots behind a title."""
    title = text.rstrip(_DOTS + " ")
    return bool(title) and sum(map(text[len(title) :].count, _DOTS)) >= _FEWEST_DOTS


def shortened(rich: str) -> str:
    """Give an entry, with or without switches of its look, with three plain dots for all of them."""
    last = max(map(rich.rfind, _DOTS))
    title, page = rich[: last + 1].rstrip(_ROW), rich[last + 1 :].lstrip(_ROW)
    before, after = _look_at_end(title), _look_at_end(rich[: len(rich) - len(page)])
    return f"{title}{PLAIN if before != PLAIN else ''} ... {after if after != PLAIN else ''}{page}"


def with_entries_joined(segments: Sequence[Segment]) -> list[Segment]:
    """Join what stands apart in an entry, its number, title, dots and page, so that no columns are seen of them."""
    if not any(map(_may_be_part, [one.text for one in segments])):
        return list(segments)
    lines = [_with_entries(line) for line in baselines(segments)]
    stacks = _stacks_of(one for line in lines for one in line if is_entry(one.text))
    made = [one for line in lines for one in _with_chapters(line, stacks)]
    return made if len(made) < len(segments) else list(segments)


def _with_entries(line: Sequence[Segment]) -> list[Segment]:
    """Join the parts of the entries on a line: what stands behind each title first, then the number before it."""
    if not 1 < len(line) <= _MOST_PARTS:
        return list(line)
    rows: list[tuple[list[Segment], Segment]] = []
    for one in line:
        if rows and _leads_on(rows[-1][1], one):
            parts, whole = rows[-1]
            rows[-1] = [*parts, one], _joined(whole, one)
        else:
            rows.append(([one], one))
    made: list[Segment] = []
    for parts, whole in rows:
        if not is_entry(whole.text):
            made.extend(parts)
        elif made and not is_entry(made[-1].text) and _stands_before(made[-1], whole):
            made[-1] = _joined(made[-1], whole)
        else:
            made.append(whole)
    return made


def _leads_on(left: Segment, right: Segment) -> bool:
    """Tell whether dots go on a title or other dots, or a page ends them."""
    if _are_dots(right.text):
        return not is_entry(left.text) and _stands_before(left, right)
    reach = _PAGE_REACH_EM * right.size
    return right.x0 - left.x1 <= reach and _has_row(left.text) and _PAGE.fullmatch(right.text) is not None


def _may_be_part(text: str) -> bool:
    """Tell whether a text is an entry, or dots of one, or leads to a page by them."""
    if text[-1:] not in _DOTS:
        return is_entry(text)
    # A text that ends as a sentence does has a letter before its full stop.
    return (len(text) == 1 or text[-2] in _ROW) and (_are_dots(text) or _has_row(text))


def _are_dots(text: str) -> bool:
    return not text.strip(_DOTS + " ")


def _stands_before(left: Segment, right: Segment) -> bool:
    return 0 <= right.x0 - left.x1 <= _REACH_EM * right.size


@dataclass(frozen=True, slots=True)
class _Stack:
    """Entries whose pages end at one edge: how many there are, and where they lie."""

    count: int
    left: float
    top: float
    bottom: float

    def with_others(self, other: _Stack) -> _Stack:
        """Give both as one."""
        return _Stack(
            self.count + other.count,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.bottom, other.bottom),
        )

    def has_among(self, page: Segment) -> bool:
        """Tell whether a page stands among the entries, or close to them."""
        around = _AROUND_EM * page.size
        return self.count >= _FEWEST_BESIDE and self.top - around <= page.y0 <= self.bottom + around


_NO_STACK = _Stack(0, inf, inf, -inf)


def _stacks_of(entries: Iterable[Segment]) -> dict[int, _Stack]:
    """Gather entries by the edge that they end at, in steps of ``_SAME_EDGE``."""
    found: dict[int, _Stack] = {}
    for one in entries:
        edge = round(one.x1 / _SAME_EDGE)
        found[edge] = found.get(edge, _NO_STACK).with_others(_Stack(1, one.x0, one.y0, one.y0))
    return found


def _with_chapters(line: list[Segment], stacks: dict[int, _Stack]) -> list[Segment]:
    """Join the parts of a line among entries whose page ends where theirs do, though it has no dots, or few.

    So chapters are often set. It is given the dots that stand for a row, and is one of the entries then.
    """
    made: list[Segment] = []
    for one in line:
        title: list[Segment] = []
        if _PAGE.fullmatch(one.text):
            edge = round(one.x1 / _SAME_EDGE)
            near = [stacks.get(edge + step, _NO_STACK) for step in (-1, 0, 1)]
            stack = reduce(_Stack.with_others, near)
            left = stack.left - _REACH_EM * one.size
            if stack.has_among(one):
                title = [part for part in made if part.x0 >= left and not is_entry(part.text)]
        if title:
            made = [part for part in made if part not in title]
            made.append(_joined(_with_dots(reduce(_joined, title)), one))
            stacks[edge] = stack.with_others(_Stack(1, made[-1].x0, one.y0, one.y0))
        else:
            made.append(one)
    return made


def _with_dots(title: Segment) -> Segment:
    text, rich = title.text.rstrip(_ROW), title.rich.rstrip(_ROW)
    ended = rich and rich + (PLAIN if _look_at_end(rich) != PLAIN else "")
    return changed(title, text=text + _SOME_DOTS, rich=ended and ended + _SOME_DOTS)


def _joined(left: Segment, right: Segment) -> Segment:
    line = join([left, right])
    return changed(
        right, x0=line.x0, y0=line.y0, x1=line.x1, y1=line.y1, size=line.size, text=line.text, rich=line.rich, gaps=()
    )


def _look_at_end(rich: str) -> str:
    return next((one for one in reversed(rich) if one in SWITCHES), PLAIN)
