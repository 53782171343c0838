"""Numbers of lines: of programs, and of manuscripts that are up for review.

They stand in a column of their own, which is none of a table: they count on from line to line, at one edge. Before
code they are kept, at the beginning of each line; text is read without them, as it is without numbers of pages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median

from llamaparse_worker.layout.inline import is_all_code, without_start
from llamaparse_worker.layout.programs import pitch_em
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.geometry import enclosing
from llamaparse_worker.model.value import changed, quick

_FEWEST, _FEWEST_SMALLER, _FEWEST_OF_TEXT = 3, 2, 8
_SMALLER = 0.8
"""Numbers of lines are often set in smaller type, which those of a table are not."""
_MOST_DIGITS = 5
_FIRST_DIGIT, _BEHIND_DIGITS = "0", ":"
_STEPS = frozenset((1, 2, 5, 10))
"""Each line is numbered, or each second, fifth or tenth."""
_FURTHEST_EM = 8.0
"""From a number to its line, and from line to line, in type that may be much smaller than that of the text."""
_MOSTLY = 0.6
_FULL, _LONG = 0.8, 25
"""Lines of text fill most of their column, and have so many characters."""
_GOING_ON = 0.3
"""Part of the lines of text, at least, that begin in lower case, as entries of a list do not."""
_FEW = 0.2
_BETWEEN = "  "
_TOP, _LEFT = attrgetter("y0"), attrgetter("x0")


@quick
@dataclass(frozen=True, slots=True)
class _Row:
    """A number, and what stands right of it from left to right."""

    number: Segment
    line: list[Segment]


def with_line_numbers_joined(segments: Sequence[Segment]) -> list[Segment]:
    """Join the numbers of a program's lines with these, each of which becomes one segment, and leave out all others."""
    parted = {id(one): _parted(one) for one in segments if _FIRST_DIGIT <= one.text < _BEHIND_DIGITS}
    numbers = [parts[0] for parts in parted.values() if _is_number(parts[0])]
    counts = [*_counts(numbers, "x1"), *_counts(numbers, "x0")] if len(numbers) >= _FEWEST_SMALLER else []
    if not counts:  # as on most pages
        return list(segments)
    ordered = sorted((part for one in segments for part in parted.get(id(one), (one,))), key=_middle)
    middles = list(map(_middle, ordered))
    made: dict[int, Segment] = {}
    gone: set[int] = set()
    for count in counts:
        if any(id(number) in gone for number in count):
            continue
        rows = [_Row(number, _beside(number, ordered, middles)) for number in count]
        if _are_of_program(rows):
            made.update((id(row.number), one) for row, one in zip(rows, _joined(rows), strict=True))
            gone.update(id(one) for row in rows for one in (row.number, *row.line))
        elif _are_of_text(rows, ordered, middles):
            gone.update(id(row.number) for row in rows)
    return [left for one in segments for left in _left(one, parted.get(id(one), (one,)), made, gone)]


def _left(
    whole: Segment, parts: tuple[Segment, ...], made: Mapping[int, Segment], gone: Container[int]
) -> Iterable[Segment]:
    """Give what is left of a segment: itself, if no part of it belongs to a numbered line."""
    if not any(id(part) in gone for part in parts):
        return (whole,)
    return (made.get(id(part), part) for part in parts if id(part) in made or id(part) not in gone)


def _is_number(segment: Segment) -> bool:
    return len(segment.text) <= _MOST_DIGITS and segment.text.isdecimal()


def _parted(segment: Segment) -> tuple[Segment, ...]:
    """Part a number from the line that it stands close to."""
    if not segment.gaps:
        return (segment,)
    first, _, text = segment.text.partition(" ")
    gap = segment.gaps[0]
    if not text or gap.characters != len(first) or not first.isdecimal() or len(first) > _MOST_DIGITS:
        return (segment,)
    rich = without_start(segment.rich, len(first) + 1)
    line = segment.holding(gap.end, segment.x1, text, rich)
    number = changed(segment.holding(segment.x0, gap.start, first), bold=False, monospaced=False)
    return number, changed(line, monospaced=segment.monospaced or (bool(rich) and is_all_code(rich)))


def _counts(numbers: Iterable[Segment], edge: str) -> list[list[Segment]]:
    """Find numbers that count on from line to line below each other at the same left or right edge."""
    place = attrgetter(edge)
    found: list[list[Segment]] = []
    last: dict[int, list[Segment]] = {}
    for number in sorted(numbers, key=_TOP):
        at = round(place(number))
        count = last.get(at)
        if count is not None and _counts_on(count, number):
            count.append(number)
        else:
            last[at] = [number]
            found.append(last[at])
    return [count for count in found if len(count) >= _FEWEST_SMALLER]


def _counts_on(count: Sequence[Segment], number: Segment) -> bool:
    before = count[-1]
    step, down = int(number.text) - int(before.text), number.y0 - before.y0
    known = _STEPS if len(count) == 1 else {int(count[1].text) - int(count[0].text)}
    return step in known and 0 < down <= _FURTHEST_EM * number.size * step


def _middle(segment: Segment) -> float:
    return (segment.y0 + segment.y1) / 2


def _beside(number: Segment, ordered: Sequence[Segment], middles: Sequence[float]) -> list[Segment]:
    level = ordered[bisect_left(middles, number.y0) : bisect_right(middles, number.y1)]
    return sorted((one for one in level if one.x0 >= number.x1), key=_LEFT)


def _are_of_program(rows: Sequence[_Row]) -> bool:
    """Tell whether most of what stands right of the numbers is code, and the line that is indented least is near."""
    begins, number = [row.line[0] for row in rows if row.line], rows[0].number
    code = [one for one in begins if one.monospaced]
    is_smaller = all(min(row.number.size for row in rows) < _SMALLER * one.size for one in code)
    if len(code) < max(_FEWEST_SMALLER if is_smaller else _FEWEST, _MOSTLY * len(begins)):
        return False
    if number.monospaced and not is_smaller:  # what a program has printed
        return False
    nearest: float = min(map(_LEFT, begins))
    return nearest - number.x1 <= _FURTHEST_EM * number.size


def _are_of_text(rows: Sequence[_Row], ordered: Sequence[Segment], middles: Sequence[float]) -> bool:
    """Tell whether the numbers stand before lines of running text."""
    begins = [row.line[0] for row in rows if row.line and not row.line[0].monospaced]
    if len(begins) < max(_FEWEST_OF_TEXT, _MOSTLY * len(rows)):
        return False
    number, left, right = rows[0].number, min(map(_LEFT, begins)), max(one.x1 for one in begins)
    full = sum(one.x1 - left > _FULL * (right - left) and len(one.text) >= _LONG for one in begins)
    going_on = sum(one.text[0].islower() for one in begins)
    near = left - number.x1 <= _FURTHEST_EM * number.size
    is_text = near and full >= _MOSTLY * len(begins) and going_on >= _GOING_ON * len(begins)
    return is_text and (_step(rows) > 1 or _are_all_lines(rows, ordered, middles, left, right))


def _step(rows: Sequence[_Row]) -> int:
    return int(rows[1].number.text) - int(rows[0].number.text)


def _are_all_lines(
    rows: Sequence[_Row], ordered: Sequence[Segment], middles: Sequence[float], left: float, right: float
) -> bool:
    """Tell whether there are hardly any lines between those with a number, as there are in cells of a table."""
    between = ordered[bisect_left(middles, rows[0].number.y0) : bisect_right(middles, rows[-1].number.y1)]
    known = {id(one) for row in rows for one in row.line}
    others = [one for one in between if left <= one.x0 < right and id(one) not in known]
    return len(others) <= _FEW * len(rows)


def _joined(rows: Sequence[_Row]) -> list[Segment]:
    """Make one segment of code of each row, all of which begin at the same place."""
    begins = [row.line[0] for row in rows if row.line]
    size, left = median(one.size for one in begins), min(map(_LEFT, begins))
    pitch = pitch_em(begins) * size
    digits, start = max(len(row.number.text) for row in rows), min(row.number.x0 for row in rows)
    made: list[Segment] = []
    for row in rows:
        text = row.number.text.rjust(digits)
        if row.line:
            text += _BETWEEN + " " * round((row.line[0].x0 - left) / pitch) + " ".join(one.text for one in row.line)
        box = enclosing([row.number, *row.line])
        whole = row.number.holding(start, box.x1, text)
        made.append(changed(whole, y0=box.y0, y1=box.y1, size=size, monospaced=True, bold=False, italic=False))
    return made
