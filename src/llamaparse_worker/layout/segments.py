"""Characters to segments: runs of text on one line without a wide gap.

All per-character work ends here; what follows handles about a hundred segments a page. Where ``segments.c`` was
compiled it does all of this, and else ``cut`` does with array operations, about four times slower; both give the same.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from llamaparse_worker.compiled import load_module
from llamaparse_worker.layout import cut
from llamaparse_worker.layout.cut import SIDEWAYS, UNTIDY, ZERO_WIDTH_SPACE, Runs
from llamaparse_worker.layout.inline import BOLD, CODE, ITALIC, PLAIN, SWITCHES
from llamaparse_worker.layout.rules import Rule
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick, unguarded

VERSION = 5
"""Of ``segments.c``: what an earlier version has left is not used."""

_TRAITS = tuple(
    (bool(traits & BOLD), bool(traits & CODE), bool(traits & SIDEWAYS), bool(traits & ITALIC), bool(traits & UNTIDY))
    for traits in range(2 * UNTIDY)
)
"""What the bits of a run say, asked for each of them."""
_LONG = 25
"""Characters from which on a segment counts as running text."""
_ENOUGH = 0.15
_SAME_LINE = 0.5
_PLACE = attrgetter("at")


@unguarded
@dataclass(frozen=True, slots=True)
class Gap:
    """A wider space within a segment: where it begins and ends, and how many visible characters stand before it."""

    start: float
    end: float
    characters: int


@unguarded
@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text on one line; ``size`` in points is that of most of its characters."""

    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    text: str
    bold: bool = False
    monospaced: bool = False
    sideways: bool = False
    """Written upward or downward."""
    italic: bool = False
    rich: str = ""
    """The text with switches of its look (see ``inline``); empty if all of it is plain."""
    owner: int = -1
    """The element of the page's structure that it is a part of (see ``elements``); -1 for none."""
    gaps: tuple[Gap, ...] = ()
    """Spaces wider than those between words mostly are: cells of a narrow table may be parted there."""

    def holding(self, x0: float, x1: float, text: str, rich: str = "") -> Segment:
        """Give one of the same look and height with another text, which has no gaps."""
        return Segment(
            x0,
            self.y0,
            x1,
            self.y1,
            self.size,
            text,
            self.bold,
            self.monospaced,
            self.sideways,
            self.italic,
            rich,
            self.owner,
        )


@quick
@dataclass(frozen=True, slots=True)
class Style:
    """What most characters of a page look like."""

    size: float
    bold: bool
    look: int = 0
    """The bits of ``inline`` that most characters have."""


compiled = load_module("llamaparse_worker.layout._segments", VERSION)
if compiled is not None:
    compiled.learn(Segment, Gap)


def segments(page: RawPage, upright: Sequence[Rule] = ()) -> tuple[list[Segment], Style]:
    """Cut the characters of a page into segments, in the order of the file; characters off the page are left out.

    No segment goes across an ``upright`` line.
    """
    found = segments_at_once(page, upright)
    return segments_by_arrays(page, upright) if found is None else found


def segments_at_once(page: RawPage, upright: Sequence[Rule]) -> tuple[list[Segment], Style] | None:
    """Do what ``segments`` does in compiled code.

    None: there is none, or the page has characters beyond its edge, or arrays that do not fit each other.
    """
    if compiled is None:
        return None
    owners = cut.owners_of_characters(page)
    rules = array("d", [side for rule in sorted(upright, key=_PLACE) for side in (rule.at, rule.start, rule.end)])
    looks = cut.font_looks(page.font_table)
    made = compiled.cut(page.text, page.boxes, page.sizes, page.fonts, looks, owners, rules, page.width, page.height)
    if made is None:
        return None
    found, size, look = made
    return found, Style(size, bold=bool(look & BOLD), look=look)


def segments_by_arrays(page: RawPage, upright: Sequence[Rule]) -> tuple[list[Segment], Style]:
    """Do what ``segments`` does with array operations."""
    runs = cut.cut(page, upright)
    if runs is None:
        return [], Style(0.0, bold=False)
    found = segments_of(page.text, runs)
    return found, _style(runs, found)


def segments_of(text: str, runs: Runs) -> list[Segment]:
    """Give the runs with their texts."""
    gaps = _gaps(runs)
    rich = _rich_texts(text, runs)
    places = zip(runs.boxes, runs.sizes, runs.firsts, runs.lasts, runs.traits, runs.owners, strict=True)
    return [
        Segment(
            x0,
            y0,
            x1,
            y1,
            size,
            _words(text[first:last]) if untidy else text[first:last],
            bold,
            monospaced,
            sideways,
            italic,
            rich.get(index, ""),
            owner,
            gaps.get(index, ()),
        )
        for index, ((x0, y0, x1, y1), size, first, last, traits, owner) in enumerate(places)
        for bold, monospaced, sideways, italic, untidy in (_TRAITS[traits],)
    ]


def _words(text: str) -> str:
    return " ".join(text.replace(ZERO_WIDTH_SPACE, "").split())


def _gaps(runs: Runs) -> dict[int, tuple[Gap, ...]]:
    found: dict[int, list[Gap]] = {}
    for run, count, start, end in runs.gaps:
        found.setdefault(run, []).append(Gap(start, end, count))
    return {run: tuple(gaps) for run, gaps in found.items()}


def _rich_texts(text: str, runs: Runs) -> dict[int, str]:
    """Give the texts that are not all plain, with switches where their look changes, by the number of their run."""
    found: dict[int, list[tuple[int, int]]] = {}
    for run, place, look in runs.looks:
        found.setdefault(run, []).append((place, look))
    return {run: _rich(text, changes, runs.lasts[run]) for run, changes in found.items()}


def _rich(text: str, changes: Sequence[tuple[int, int]], last: int) -> str:
    ends = [*(place for place, _ in changes[1:]), last]
    parts = [SWITCHES[look] + text[place:end] for (place, look), end in zip(changes, ends, strict=True)]
    made = _words("".join(parts))
    return made + PLAIN if changes[-1][1] else made


def _style(runs: Runs, found: Sequence[Segment]) -> Style:
    """Give the most frequent size of running text, to half a point, and what look most characters have.

    Where text that stands alone on its line is larger than most, the others are cells of a table.
    """
    every = [one for one in found if _is_running(one)]
    neighbours = zip(found, [None, *found], [*found[1:], None], strict=False)
    alone = [one for one, *others in neighbours if _is_running(one) and not any(_are_beside(one, to) for to in others)]
    size = max(_most_frequent(chosen, _ENOUGH * runs.visible) for chosen in (every, alone))
    return Style(size or runs.usual_size, bold=bool(runs.common_look & BOLD), look=runs.common_look)


def _most_frequent(found: Sequence[Segment], enough: float) -> float:
    """Give the size that most characters have, to half a point; 0 where there are not enough."""
    weights: Counter[float] = Counter()
    for segment in found:
        weights[round(segment.size * 2) / 2] += len(segment.text)
    if weights.total() <= enough:
        return 0.0
    return max(weights.items(), key=lambda item: (item[1], item[0]))[0]


def _is_running(segment: Segment) -> bool:
    return len(segment.text) >= _LONG and not segment.monospaced


def _are_beside(one: Segment, other: Segment | None) -> bool:
    """Tell whether two segments that follow each other in the file stand on one line, as the cells of a table do."""
    if other is None:
        return False
    shared = min(one.y1, other.y1) - max(one.y0, other.y0)
    apart = one.x1 <= other.x0 or other.x1 <= one.x0
    return apart and shared > _SAME_LINE * min(one.y1 - one.y0, other.y1 - other.y0)
