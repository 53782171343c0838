"""Spaces that a file leaves to the eye: its program moved the pen where another one would have set a space.

PDFium infers most of them, but not those that kerning made narrower or wider. Letters of one word follow each other
without a gap between their advances, so that any gap is one between words; only in a word that is spaced out, there is
one behind every letter.
"""

from __future__ import annotations

import numpy as np

from llamaparse_worker.layout.characters import (
    Characters,
    Flags,
    Indices,
    characters_of,
    compiled,
    share_line,
    with_characters,
)
from llamaparse_worker.layout.codes import are_spaces
from llamaparse_worker.layout.fixed_columns import with_columns_closed
from llamaparse_worker.layout.frames import Floats
from llamaparse_worker.model.page import RawPage

_LEAST_EM, _MOST_EM = 0.18, 0.7
"""More is no space between words, and known for a gap by all who look at boxes."""
_CLOSED_EM = 0.06
"""Letters that are moved apart by kerning are so by less; those moved together overlap."""
_MANY = 16
"""Letters that are a little apart: so many may be those of a program in columns."""
_WITH_SPACE = 2
_MOST_IN_A_ROW = 2
"""Gaps behind one letter each: more in a row are of a word that is spaced out."""
_SPACE = ord(" ")
_FIRST_WITHOUT_SPACES = 0x590
"""Behind Latin, Greek, Cyrillic and Armenian: scripts that are written backward, joined, or without spaces."""
_CLOSING = np.array([ord(one) for one in ".,:;!?)]}\u2019”»…·"], np.uint32)
_OPENING = np.array([ord(one) for one in "([{\u2018“«"], np.uint32)


def with_spaces_found(page: RawPage) -> RawPage:
    """Put a space between letters of one line that stand apart as words do, and move those of programs together."""
    return page if _are_close(page) else spaced_by_arrays(page)


def _are_close(page: RawPage) -> bool:
    """Tell, where that can be told quickly, whether the letters of a page stand as close as in most."""
    return compiled is not None and not (
        compiled.letters_stand_apart(
            page.text, page.boxes, page.sizes, _LEAST_EM, _MOST_EM, _SPACE + 1, _FIRST_WITHOUT_SPACES
        )
        or compiled.gaps_follow(page.boxes, page.sizes, _CLOSED_EM, _LEAST_EM, _MANY)
    )


def spaced_by_arrays(page: RawPage) -> RawPage:
    """Do what ``with_spaces_found`` does, with array operations on any page."""
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    sizes = np.frombuffer(page.sizes, np.float32)[1:]
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    apart = np.flatnonzero((gaps > _CLOSED_EM * sizes) & (gaps < _MOST_EM * sizes))
    if not len(apart):
        return page
    are_wide = gaps[apart] > _LEAST_EM * sizes[apart]
    if _follow_each_other(apart[~are_wide]) and (closed := with_columns_closed(page)) is not page:
        return with_spaces_found(closed)
    wide = apart[are_wide]
    if not len(wide):
        return page
    found = characters_of(page)
    before, after = found.codes[wide], found.codes[wide + 1]
    letters = (np.minimum(before, after) > _SPACE) & (np.maximum(before, after) < _FIRST_WITHOUT_SPACES)
    if not letters.any():  # as on most pages
        return page
    behind = _ends_of_words(found, wide[letters], (gaps / np.maximum(sizes, 1)).astype(np.float32))
    return with_characters(page, _with_spaces(found, behind)) if len(behind) else page


def _follow_each_other(places: Indices) -> bool:
    """Tell whether many gaps stand behind one letter each, with an inferred space between them or without."""
    return len(places) > _MANY and bool(np.count_nonzero(np.diff(places) <= _WITH_SPACE) >= _MANY)


def _ends_of_words(found: Characters, places: Indices, gaps: Floats) -> Indices:
    """Choose of the characters with a wide gap behind them those that end a word; ``gaps`` are in em."""
    before, after = found.codes[places], found.codes[places + 1]
    apart = ~(np.isin(before, _OPENING) | np.isin(after, _CLOSING) | are_spaces(before) | are_spaces(after))
    chosen = places[apart & share_line(found.boxes[places], found.boxes[places + 1])]
    ends: Indices = chosen[(_in_a_row(chosen) <= _MOST_IN_A_ROW) & _are_closed(found, chosen, gaps)]
    return ends


def _are_closed(found: Characters, places: Indices, gaps: Floats) -> Flags:
    """Tell where the letters on both sides follow their neighbours without a gap, as boxes of mere ink do not."""
    follows = np.zeros(len(gaps) + 2, np.bool_)
    follows[1:-1] = (found.codes[:-1] > _SPACE) & (found.codes[1:] > _SPACE)
    closed, wide = np.zeros_like(follows), np.zeros_like(follows)
    closed[1:-1] = follows[1:-1] & (gaps <= _CLOSED_EM)
    wide[1:-1] = gaps > _LEAST_EM
    some: Flags = closed[places] | closed[places + 2]
    loose = follows & ~closed & ~wide
    return some & ~(loose[places] | loose[places + 2])


def _in_a_row(places: Indices) -> Indices:
    """Tell of each place how many follow each other where it stands."""
    if not len(places):
        return places
    runs = np.concatenate(([0], np.cumsum(np.diff(places) > 1)))
    counts: Indices = np.bincount(runs)[runs]
    return counts


def _with_spaces(found: Characters, behind: Indices) -> Characters:
    boxes = found.boxes[behind]
    boxes[:, 0] = boxes[:, 2]
    at = behind + 1
    return Characters(
        np.insert(found.codes, at, _SPACE),
        np.insert(found.boxes, at, boxes, axis=0),
        np.insert(found.places, at, behind),
    )
