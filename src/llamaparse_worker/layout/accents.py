"""Letters and the accents that are drawn over them as one character.

TeX and others draw an accent as a character of its own, before or after its letter and on the same place. An accent
over a capital stands so high that PDFium takes it for a line of its own, and puts it elsewhere in the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence

import numpy as np

from llamaparse_worker.layout.characters import Characters
from llamaparse_worker.layout.codes import from_code

GRAVE = "`"
"""The only one of ASCII."""
_COMBINING = {
    GRAVE: "\u0300",
    "\u00a8": "\u0308",
    "\u00af": "\u0304",
    "\u00b4": "\u0301",
    "\u00b8": "\u0327",
    "\u02c6": "\u0302",
    "\u02c7": "\u030c",
    "\u02ca": "\u0301",
    "\u02cb": "\u0300",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u02da": "\u030a",
    "\u02db": "\u0328",
    "\u02dc": "\u0303",
    "\u02dd": "\u030b",
}
"""Accents that take a place of their own, and those that combine."""
ACCENT = re.compile(f"[{''.join(_COMBINING)}\u0300-\u036f]")
LEAST_ACCENT = 0xA8
"""The lowest code of one."""
_DOTLESS = {"\u0131": "i", "\u0237": "j"}
_WITH_STROKE = {"l": "ł", "L": "Ł"}
_SHARED, _SHARED_HEIGHT = 0.4, 0.5
"""Part of the narrower one's width, and of the lower one's height, that both must share."""
_AROUND = 250
"""Characters of the text between an accent that stands alone and its letter, at most: those of about two lines."""
_MOST_APART = 1000
_NEAR = 8
_CLOSED = 0.12
"""Times the height of letters: between those of one word there is less."""


def with_accents_joined(text: str, found: Characters) -> Characters:
    """Give the characters with each accent composed with the letter that it stands over; ``text`` is their text."""
    if GRAVE not in text and (text.isascii() or ACCENT.search(from_code(found.codes, LEAST_ACCENT)) is None):
        return found
    codes, gone = found.codes.copy(), set[int]()
    places = [match.start() for match in ACCENT.finditer(text)]
    for place in places:
        made = _letter(text, place, (place + 1, place - 1, place + 2, place - 2), found, gone)
        if made is None and len(places) <= _MOST_APART:
            made = _letter(text, place, (_below(text, place, found),), found, gone)
        if made is not None:
            codes[made[0]] = ord(made[1])
            gone.add(place)
    for place in _strokes(found):
        codes[place + 1] = ord(_WITH_STROKE[chr(found.codes[place + 1])])
        gone.add(place)
    if not gone:
        return found
    gone.update(space for place in sorted(gone) for space in _spaces_around(text, place, found, gone))
    kept = np.setdiff1d(np.arange(len(codes)), list(gone))
    return Characters(codes[kept], found.boxes[kept], found.places[kept])


def _letter(
    text: str, accent: int, places: Sequence[int], found: Characters, gone: Container[int]
) -> tuple[int, str] | None:
    """Give the first of some places that has a letter below an accent, and that letter with it."""
    for place in places:
        composed = _composed(text, accent, place, found)
        if composed and place not in gone:
            return place, composed
    return None


def _below(text: str, accent: int, found: Characters) -> int:
    """Give the place of what an accent stands over that does not touch its neighbours in the text; or its own."""
    if _touches(text, accent, accent - 1, found) or _touches(text, accent, accent + 1, found):
        return accent
    first = max(0, accent - _AROUND)
    around, box = found.boxes[first : accent + _AROUND], found.boxes[accent]
    level = np.minimum(around[:, 3], box[3]) - np.maximum(around[:, 1], box[1])
    heights = np.minimum(around[:, 3] - around[:, 1], box[3] - box[1])
    shared = np.minimum(around[:, 2], box[2]) - np.maximum(around[:, 0], box[0])
    shared[(level <= _SHARED_HEIGHT * heights) | (np.arange(first, first + len(shared)) == accent)] = -1
    place = int(shared.argmax())
    return first + place if shared[place] > 0 else accent


def _touches(text: str, accent: int, beside: int, found: Characters) -> bool:
    if not 0 <= beside < len(text) or text[beside].isspace():
        return False
    one, other = found.boxes[accent], found.boxes[beside]
    level = min(one[3], other[3]) - max(one[1], other[1])
    gap = max(one[0], other[0]) - min(one[2], other[2])
    return bool(level > 0 and gap < _CLOSED * (one[3] - one[1]))


def _strokes(found: Characters) -> list[int]:
    """Find the strokes of Polish letters: TeX has them where others have the space, and draws them over the letter."""
    spaces, letters = found.boxes[:-1], found.boxes[1:]
    narrow = np.minimum(spaces[:, 2] - spaces[:, 0], letters[:, 2] - letters[:, 0])
    shared = np.minimum(spaces[:, 2], letters[:, 2]) - np.maximum(spaces[:, 0], letters[:, 0])
    over = (found.codes[:-1] == ord(" ")) & (narrow > 0) & (shared > _SHARED * narrow)
    strokes: list[int] = np.flatnonzero(over & np.isin(found.codes[1:], list(map(ord, _WITH_STROKE)))).tolist()
    return strokes


def _spaces_around(text: str, accent: int, found: Characters, gone: Container[int]) -> Iterator[int]:
    """Give the spaces that were inferred at an accent though the letters before and after it are of one word."""
    near = range(max(0, accent - _NEAR), min(len(text), accent + _NEAR))
    letters = [place for place in near if not text[place].isspace() and place not in gone]
    at = bisect_left(letters, accent)
    if not 0 < at < len(letters):
        return
    before, after = letters[at - 1 : at + 1]
    one, other = found.boxes[before], found.boxes[after]
    height = min(one[3] - one[1], other[3] - other[1])
    level = min(one[3], other[3]) - max(one[1], other[1])
    if level > _SHARED_HEIGHT * height and abs(other[0] - one[2]) < _CLOSED * height:
        yield from (place for place in range(before + 1, after) if text[place].isspace())


def _composed(text: str, accent: int, beside: int, found: Characters) -> str:
    """Give the letter with its accent; empty if they are none or stand apart."""
    if not 0 <= beside < len(text):
        return ""
    letter = _DOTLESS.get(text[beside], text[beside])
    made = unicodedata.normalize("NFC", letter + _COMBINING.get(text[accent], text[accent]))
    if not letter.isalpha() or len(made) != 1:
        return ""
    one, other = found.boxes[accent], found.boxes[beside]
    (width, height), (room, depth) = one[2:] - one[:2], other[2:] - other[:2]
    across = min(one[2], other[2]) - max(one[0], other[0])
    level = min(one[3], other[3]) - max(one[1], other[1])
    return made if across > _SHARED * min(width, room) and level > _SHARED_HEIGHT * min(height, depth) else ""
