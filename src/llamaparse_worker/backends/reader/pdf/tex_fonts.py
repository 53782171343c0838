"""Text in the bitmap fonts of TeX, of which a file tells neither their names nor what their characters are.

PDFium gives the bare codes, most of which are those of ASCII; but ligatures, quotes, dashes, accents and letters beyond
ASCII are elsewhere. TeX has three encodings of text: OT1, its first; T1 ("Cork"), which has a code for each letter of
European languages; and T2A, which has Cyrillic ones instead. Which one a font has is told by the codes of its words.
The tables are those of LaTeX's ``encguide``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.characters import Font

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]

_LIGATURES = ("ff", "fi", "fl", "ffi", "ffl")


def _pairs(codes: str, meanings: str) -> dict[int, str]:
    return dict(zip(map(ord, codes), meanings, strict=True))


OT1: Mapping[int, str] = {
    **dict(enumerate(_LIGATURES, 0x0B)),
    **dict(enumerate("\u0131\u0237`\u00b4\u02c7\u02d8\u00af\u02da\u00b8\u00dfæœøÆŒØ", 0x10)),
    **_pairs("\"'<>\\^_`{|}~\x7f", "\u201d\u2019¡¿\u201c\u02c6\u02d9\u2018\u2013\u2014\u02dd\u02dc¨"),
}
_OF_BOTH: Mapping[int, str] = {
    **dict(enumerate("\u201a\u2039\u203a\u201c\u201d\u201e«»\u2013\u2014", 0x0D)),
    **dict(enumerate(_LIGATURES, 0x1B)),
    **_pairs("\x19'`\x7f", "\u0131\u2019\u2018-"),
}
T1: Mapping[int, str] = {
    **_OF_BOTH,
    **dict(enumerate("ĂĄĆČĎĚĘĞĹĽŁŃŇŊŐŔŘŚŠŞŤŢŰŮŸŹŽŻĲİđ§ăąćčďěęğĺľłńňŋőŕřśšşťţűůÿźžżĳ¡¿£", 0x80)),
    **_pairs("\xd7\xf7\xff", "Œœß"),
    0xDF: "SS",
}
_CYRILLIC = (
    "\u0490\u0492\u0402\u040b\u04ba\u0496\u0498\u0409\u0407\u049a\u04a0\u049c\u04d4\u04a2\u04a4\u0405"
    "\u04e8\u04aa\u040e\u04ae\u04b0\u04b2\u040f\u04b8\u04b6\u0404\u04d8\u040a\u0401"
)
T2A: Mapping[int, str] = {
    **_OF_BOTH,
    **dict(enumerate(_CYRILLIC, 0x80)),
    **dict(enumerate(_CYRILLIC.lower(), 0xA0)),
    **_pairs("\x9d\xbd\xbe\xbf", "\u2116\u201e«»"),
    **{code: chr(0x410 + code - 0xC0) for code in range(0xC0, 0x100)},
}
_BULLETS = {0x0F: "•", 0x88: "•"}
"""Of the fonts that signs are taken from, OMS and TS1: where they begin a line."""

_WITHIN_OT1 = np.array([*range(0x0B, 0x10), *range(0x17, 0x1B)], np.uint32)
"""Codes that stand within words in OT1: ligatures, the last accents, ß and æ."""
_BETWEEN_OT1 = np.arange(0x12, 0x17, dtype=np.uint32)
"""Those that do so only between letters: the first accents, which are quotes and dashes in T1."""
_WITHIN_T1 = np.array([*range(0x1B, 0x20), *range(0xA1, 0xAD), *range(0xAE, 0xBC)], np.uint32)
"""Those of T1: ligatures, and letters where other encodings have signs."""
_SURER = 4
"""An OT1 code within a word says so much more: ligatures of T1 are letters of Scandinavian words in OT1."""
_FIRST_BEYOND_ASCII, _FIRST_CYRILLIC, _LAST_CYRILLIC = 0x80, 0xC0, 0xFF
_MOSTLY = 0.5
_LEAST_WORD = 3
"""Letters of a word on average; those of formulas stand alone."""
_SAME_WIDTH = 0.03
_ENOUGH = 3
"""Fewer votes within a font count for less than those of all fonts of the page."""
_MOST_FONTS = 100
"""Of a page; what others hold stays as it is."""


def deciphered(text: str, widths: Floats, fonts: npt.NDArray[np.uint16], table: Sequence[Font]) -> list[str]:
    """Give what each character of a page stands for, which may be several letters; all as it is if no font is of TeX.

    ``widths`` are those of the characters; what has none was inferred, such as ends of lines.
    """
    made = list(text)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    nameless = [index for index, font in enumerate(table) if not font.name][:_MOST_FONTS]
    drawn = {index: (widths > 0) & (fonts == index) for index in nameless}
    votes = {index: _votes(codes, places) for index, places in drawn.items() if _is_text(codes, places, widths)}
    common = sum(votes.values())
    is_bare = any(_are_bare(codes[places]) for places in drawn.values())
    for index, places in drawn.items():
        if index not in votes:
            _replace(made, codes, places & _begin_lines(codes, widths > 0), _BULLETS)
        elif _is_cyrillic(codes[places]):
            _replace(made, codes, places, T2A)
        elif is_bare:
            vote = votes[index] if abs(votes[index]) >= _ENOUGH else common
            _replace(made, codes, places, OT1 if vote > 0 else T1 if vote < 0 else {})
    return made


def _replace(made: list[str], codes: Codes, chosen: Flags, table: Mapping[int, str]) -> None:
    for place in np.flatnonzero(chosen).tolist():
        made[place] = table.get(int(codes[place]), made[place])


def _are_letters(codes: Codes) -> Flags:
    folded = codes | ord(" ")
    made: Flags = (folded >= ord("a")) & (folded <= ord("z"))
    return made


def _are_bare(codes: Codes) -> bool:
    """Tell whether some are codes of control characters, which no text has."""
    return bool(((codes < ord(" ")) | ((codes >= ord("\x7f")) & (codes < ord("\xa0")))).any())


def _is_text(codes: Codes, chosen: Flags, widths: Floats) -> bool:
    """Tell whether the characters of a font are words in letters of different widths."""
    in_words = chosen & (_are_letters(codes) | (codes < ord(" ")) | (codes >= _FIRST_BEYOND_ASCII))
    count = np.count_nonzero(in_words)
    words = np.count_nonzero(in_words[1:] & ~in_words[:-1]) + int(in_words[:1].sum())
    if not count or count < _LEAST_WORD * words:
        return False
    narrow, wide = np.sort(widths[in_words])[[0, -1]].tolist()
    return bool(wide > (1 + _SAME_WIDTH) * narrow)


def _is_cyrillic(codes: Codes) -> bool:
    """Tell whether most letters are where T2A has Russian ones: no other language has so many there in T1."""
    there = int(np.count_nonzero((codes >= _FIRST_CYRILLIC) & (codes <= _LAST_CYRILLIC)))
    return there > _MOSTLY * (there + int(np.count_nonzero(_are_letters(codes))))


def _votes(codes: Codes, chosen: Flags) -> int:
    """Count how many codes within the words of a font speak for OT1, which has none beyond ASCII, less those for T1."""
    near = np.pad(chosen & _are_letters(codes), 2)
    before, after = near[1:-3], near[3:-1]
    between = chosen & before & after
    within = codes[between | (chosen & ((before & near[:-4]) | (after & near[4:])))]
    for_t1 = int(np.isin(within, _WITHIN_T1).sum())
    if (codes[chosen] >= _FIRST_BEYOND_ASCII).any():
        return -for_t1
    for_ot1 = int(np.isin(within, _WITHIN_OT1).sum()) + int(np.isin(codes[between], _BETWEEN_OT1).sum())
    return _SURER * for_ot1 - for_t1


def _begin_lines(codes: Codes, drawn: Flags) -> Flags:
    """Tell which characters are the first of a line and stand apart from the second."""
    spaces = np.pad(~drawn, 1, constant_values=True)
    ends = np.pad(~drawn & (codes == ord("\n")), (1, 0), constant_values=True)[:-1]
    made: Flags = drawn & ends & spaces[2:]
    return made
