"""Texts parted at their wider spaces, where these turn out to lie between columns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter

from llamaparse_worker.layout.columns import Line, Strip, spanned, strips
from llamaparse_worker.layout.inline import PLAIN, SWITCHES
from llamaparse_worker.layout.lines import join
from llamaparse_worker.layout.segments import Gap, Segment
from llamaparse_worker.model.value import changed

LONG = 22
"""Characters that a line of a cell has; columns of prose have longer ones. One column may be longer."""

_GAPS = attrgetter("gaps")
_SWITCHES = frozenset(SWITCHES)
_WORD_SPACE_EM = 1.5
_SAME_START_EM = 0.5
_LEAST_PARTED = 3
_MOST_PARTED = 0.6


def close_strips(lines: Sequence[Line]) -> list[Strip]:
    """Give the columns of lines; those that hardly more than a word space parts count if most lines show them."""
    wide = strips(lines)
    if not any(map(may_be_parted, lines)):
        return wide
    found: list[Strip] = []
    for strip in wide:
        inner = [[one for one in line if one.x0 >= strip.x0 - 1 and one.x1 <= strip.x1 + 1] for line in lines]
        found.extend(_refined([line for line in inner if line], strip))
    return found


def with_sentences_joined(lines: Sequence[Line]) -> Sequence[Line]:
    """Join what a wide space within running text parts, as behind a full stop in a line that was stretched.

    It stands behind a text too long for most cells, a word space or two away, and nothing else begins where it does.
    """
    if all(len(line) == 1 for line in lines):
        return lines
    starts = sorted(one.x0 for line in lines for one in line)
    return [_with_sentences_joined(line, starts) for line in lines]


def _with_sentences_joined(line: Line, starts: Sequence[float]) -> Line:
    made = list(line[:1])
    for one in line[1:]:
        before, near = made[-1], _SAME_START_EM * one.size
        alone = bisect_right(starts, one.x0 + near) - bisect_left(starts, one.x0 - near) == 1
        if alone and len(before.text) > LONG and one.x0 - before.x1 < _WORD_SPACE_EM * one.size:
            made[-1] = _whole(before, one)
        else:
            made.append(one)
    return made


def _whole(left: Segment, right: Segment) -> Segment:
    line = join([left, right])
    return changed(left, y0=line.y0, x1=line.x1, y1=line.y1, text=line.text, rich=line.rich, gaps=left.gaps)


def may_be_parted(line: Line) -> bool:
    """Tell whether a line has wider spaces within a text."""
    return any(map(_GAPS, line))


def _refined(lines: Sequence[Line], strip: Strip) -> list[Strip]:
    if not any(map(may_be_parted, lines)):
        return [strip]
    pieces = [[piece for segment in line for piece in _parted(segment, segment.gaps)] for line in lines]
    finer = strips(pieces)
    while len(finer) > 1:
        weak = _weakest(pieces, finer)
        if weak is None:
            break
        finer[weak : weak + 2] = [Strip(finer[weak].x0, finer[weak + 1].x1)]
    return finer if len(finer) > 1 else [strip]


def _weakest(pieces: Sequence[Line], finer: Sequence[Strip]) -> int | None:
    """Find a gap that too few of the lines show, the one that the fewest show first."""
    counts = [0] * len(finer)
    filled = [0] * len(finer)
    for line in pieces:
        places = {spanned(piece, finer)[0] for piece in line}
        for index in places:
            filled[index] += 1
            counts[index] += index + 1 in places
    doubtful = [
        (counts[index], index)
        for index in range(len(finer) - 1)
        if counts[index] < max(_LEAST_PARTED, _MOST_PARTED * max(filled[index], filled[index + 1]))
    ]
    return min(doubtful)[1] if doubtful else None


def parted_by(lines: Sequence[Line], columns: Sequence[Strip]) -> list[Line]:
    """Part the texts of lines at the wider spaces that lie between two columns."""
    return [
        [piece for segment in line for piece in _parted(segment, _between(segment, columns))]
        if may_be_parted(line)
        else line
        for line in lines
    ]


def _between(segment: Segment, columns: Sequence[Strip]) -> list[Gap]:
    """Choose the gaps whose both sides stand in different columns."""
    pieces = _parted(segment, segment.gaps)
    if len(pieces) != len(segment.gaps) + 1:
        return []
    places = [spanned(piece, columns) for piece in pieces]
    return [gap for gap, left, right in zip(segment.gaps, places, places[1:], strict=False) if left[1] < right[0]]


def _parted(segment: Segment, gaps: Sequence[Gap]) -> list[Segment]:
    if not gaps:
        return [segment]
    pieces: list[Segment] = []
    text, rich, start, taken = segment.text, segment.rich, segment.x0, 0
    for gap in gaps:
        head, text = _divided(text, gap.characters - taken)
        if not head or not text:
            return [segment]
        rich_head, rich = _rich_divided(rich, gap.characters - taken) if rich else ("", "")
        pieces.append(segment.holding(start, gap.start, head, rich_head))
        start, taken = gap.end, gap.characters
    pieces.append(segment.holding(start, segment.x1, text, rich))
    return pieces


def _divided(text: str, count: int) -> tuple[str, str]:
    """Divide a text behind so many characters that are no spaces."""
    place = count
    while (further := count + text.count(" ", 0, place + 1)) > place:
        place = further
    return text[:place].rstrip(), text[place:]


def _rich_divided(text: str, count: int) -> tuple[str, str]:
    """Divide a rich text behind so many visible characters; both parts end plainly."""
    look, seen = PLAIN, 0
    for index, character in enumerate(text):
        if character in _SWITCHES:
            look = character
        elif not character.isspace():
            if seen == count:
                head = text[:index].rstrip()
                if look == PLAIN:
                    return head, text[index:]
                return head.removesuffix(look).rstrip() + PLAIN, look + text[index:]
            seen += 1
    return text, ""
