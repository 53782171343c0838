"""Lines with Arabic or Hebrew: from the places of their characters to the order in which they are read.

Producers store such text in either order, sometimes word by word in another one. So the order of the file counts for
nothing here: characters are put in order of their places, and the Unicode bidirectional algorithm (UAX 9) is undone
from there: runs of one direction are found, and those against the direction of the line are reversed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u05ff\u0600-\u06ef\u06fa-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""Letters of scripts that run from right to left; also what is drawn only among them."""

_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("«", "»"))
_END_MARKS = frozenset(".,:;!?-")
_BOUND = frozenset("-/_@#&=")
"""Belong to the word or address that they follow."""
_NUMBERS = frozenset({"EN", "AN"})
_WITHIN_NUMBERS = frozenset({"ES", "CS", "ET"})


def is_right_to_left(text: str) -> bool:
    """Tell whether most letters run from right to left."""
    against = len(RIGHT_TO_LEFT.findall(text))
    return against > 0 and 2 * against > sum(map(str.isalpha, text))


def runs_backward(seen: str, *, on_backward_page: bool) -> bool:
    """Tell whether a line, as it is seen from left to right, is one of a text that runs from right to left."""
    if not on_backward_page:
        return is_right_to_left(seen)
    if RIGHT_TO_LEFT.search(seen):
        return True
    # Of a line without such letters, where its end mark stands tells: no line begins with one.
    line = seen.strip()
    return line[:1] in _END_MARKS and line[-1:] not in _END_MARKS


def reading_order(seen: str, *, right_to_left: bool) -> list[int]:
    """Give the places, in a line as it is seen from left to right, in the order in which they are read."""
    runs = _runs(seen, right_to_left=right_to_left)
    order: list[int] = []
    for start, end, backward in reversed(runs) if right_to_left else runs:
        order.extend(reversed(range(start, end)) if backward else range(start, end))
    return order


def with_brackets_turned(text: str) -> str:
    """Turn brackets that face the wrong way: glyphs have been named by their look, or by their meaning."""
    for opening, closing in _PAIRS:
        places = [index for index, character in enumerate(text) if character in {opening, closing}]
        if len(places) > 1 and text[places[0]] == closing:
            turned = list(text)
            for index, place in enumerate(places):
                turned[place] = closing if index % 2 else opening
            text = "".join(turned)
    return text


def _runs(seen: str, *, right_to_left: bool) -> list[tuple[int, int, bool]]:
    """Part a line into runs of one direction: start, end, and whether it runs from right to left."""
    backward = _directions(seen, right_to_left=right_to_left)
    runs: list[tuple[int, int, bool]] = []
    start = 0
    for index in range(1, len(seen) + 1):
        if index == len(seen) or backward[index] != backward[start]:
            runs.append((start, index, backward[start]))
            start = index
    return runs


def _directions(seen: str, *, right_to_left: bool) -> list[bool]:
    """Tell for each character whether it runs from right to left; what has no direction takes that around it."""
    kinds = [unicodedata.bidirectional(character) for character in seen]
    found: list[bool | None] = [_direction(kind) for kind in kinds]
    for index, kind in enumerate(kinds):
        if kind in _WITHIN_NUMBERS and 0 < index < len(kinds) - 1:
            beside = kinds[index - 1], kinds[index + 1]
            if (kind != "ET" and set(beside) <= _NUMBERS) or (kind == "ET" and set(beside) & _NUMBERS):
                found[index] = False
        if seen[index] in _BOUND and index and found[index - 1] is False:
            found[index] = False
    return [right_to_left if one is None else one for one in _filled(found)]


def _direction(kind: str) -> bool | None:
    if kind in {"R", "AL"}:
        return True
    return False if kind == "L" or kind in _NUMBERS else None


def _filled(found: Sequence[bool | None]) -> list[bool | None]:
    """Give what has no direction that of both its sides, where they agree."""
    filled = list(found)
    before: bool | None = None
    index = 0
    while index < len(filled):
        if filled[index] is not None:
            before = filled[index]
            index += 1
            continue
        end = index
        while end < len(filled) and filled[end] is None:
            end += 1
        if end < len(filled) and filled[end] == before:
            filled[index:end] = [before] * (end - index)
        index = end
    return filled
