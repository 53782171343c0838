"""Letters and the accents that are drawn over them as one character.

TeX and others draw an accent as a character of its own, before or after its letter and on the same place.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from llamaparse_worker.layout.characters import Characters
from llamaparse_worker.layout.codes import from_code

_COMBINING = {
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
_SHARED = 0.4
"""Part of the narrower one's width that both must share."""


def with_accents_joined(text: str, found: Characters) -> Characters:
    """Give the characters with each accent composed with the letter that it stands over; ``text`` is their text."""
    if text.isascii() or ACCENT.search(from_code(found.codes, LEAST_ACCENT)) is None:
        return found
    codes, gone = found.codes.copy(), set[int]()
    for match in ACCENT.finditer(text):
        place = match.start()
        for beside in (place + 1, place - 1):
            composed = _composed(text, place, beside, found)
            if composed and beside not in gone:
                codes[beside] = ord(composed)
                gone.add(place)
                break
    if not gone:
        return found
    kept = np.setdiff1d(np.arange(len(codes)), list(gone))
    return Characters(codes[kept], found.boxes[kept], found.places[kept])


def _composed(text: str, accent: int, beside: int, found: Characters) -> str:
    """Give the letter with its accent; empty if they are none or stand apart."""
    if not 0 <= beside < len(text):
        return ""
    letter = _DOTLESS.get(text[beside], text[beside])
    made = unicodedata.normalize("NFC", letter + _COMBINING.get(text[accent], text[accent]))
    if not letter.isalpha() or len(made) != 1:
        return ""
    one, other = found.boxes[accent], found.boxes[beside]
    across = min(one[2], other[2]) - max(one[0], other[0])
    level = min(one[3], other[3]) - max(one[1], other[1])
    return made if across > _SHARED * min(one[2] - one[0], other[2] - other[0]) and level > 0 else ""
