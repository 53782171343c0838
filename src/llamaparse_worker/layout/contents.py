"""Entries of tables of contents and of indexes: a title, a row of dots, and a page.

The dots lead the eye over the paper and say nothing, so that three of them stand for the row in what is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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
_NUMBER_REACH_EM = 2.5
"""From the number of a chapter to its title."""
_PAGE_REACH_EM = 6.0
"""From the last dot to the page."""
_ROW = "".join((_DOTS, " ", *SWITCHES))
"""All that a row of dots consists of, in a text with switches of its look."""


def is_entry(text: str) -> bool:
    """Tell whether a line ends with a row of dots and a page."""
    if text[-1:] not in _PAGE_ENDS:  # as most lines
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
    """Join what stands apart in an entry, its number, title and page, so that no columns are seen of them."""
    if not any((one.text[-1:] in _DOTS and _has_row(one.text)) or is_entry(one.text) for one in segments):
        return list(segments)
    made: list[Segment] = []
    for line in baselines(segments):
        first = len(made)
        for one in line:
            if len(made) > first and _belong_together(made[-1], one):
                made[-1] = _joined(made[-1], one)
            else:
                made.append(one)
    return made


def _belong_together(left: Segment, right: Segment) -> bool:
    """Tell whether two neighbours are the number and the title of an entry, or its row of dots and its page."""
    em, space = right.size, right.x0 - left.x1
    if is_entry(left.text) or space < 0:
        return False
    if _has_row(right.text.rstrip(_PAGE_CHARACTERS)):
        return space <= _NUMBER_REACH_EM * em
    return space <= _PAGE_REACH_EM * em and is_entry(f"{left.text} {right.text}")


def _joined(left: Segment, right: Segment) -> Segment:
    line = join([left, right])
    return changed(
        right, x0=line.x0, y0=line.y0, x1=line.x1, y1=line.y1, size=line.size, text=line.text, rich=line.rich, gaps=()
    )


def _look_at_end(rich: str) -> str:
    return next((one for one in reversed(rich) if one in SWITCHES), PLAIN)
