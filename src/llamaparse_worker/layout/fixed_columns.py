"""Programs that are set in columns of one width, though their letters are narrower or wider than that.

LaTeX's ``listings`` sets each word of n letters in a box n columns wide, and spreads the letters in it: the same space
stands before, between and behind them. So what a word takes up with such a space on both sides is n columns, whatever
its letters are, which is true of no other text. Here the letters are moved together again, each into a column of its
own, and the columns that are left empty become spaces.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from llamaparse_worker.layout.characters import Characters, Flags, Indices, characters_of, share_line, with_characters
from llamaparse_worker.layout.frames import Floats
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick

_SPACE = ord(" ")
_FIRST_WIDE, _LAST_WIDE = 0x2E80, 0xD7FF
"""Signs of Chinese, Japanese and Korean take two columns each."""
_EVEN_EM = 0.02
"""Spaces within a word that differ by less are the same one; letters that are less apart are set as usual."""
_APART_EM = 0.5
_LEAST_LETTERS, _LEAST_WORDS = 3, 8
_AGREEING, _SAME_COLUMN = 0.6, 0.02
"""So many of the words have to be of columns of one width, and so exactly."""
_NEAR_COLUMN = 0.06
"""For words whose letters lean over into the next column, as those in italics."""
_IN_WORD = 0.55
"""In columns: even the narrowest letters are hardly as far apart in a word, and the widest ones farther between two."""
_CLOSE_LINES = 3.0
_MOST_SIZES = 4


@quick
@dataclass(frozen=True, slots=True)
class _Ink:
    """The visible characters of a page, and of each pair whether both stand on a line of one size."""

    places: Indices
    boxes: Floats
    sizes: Floats
    spans: Floats
    """How many columns each takes."""
    are_letters: Flags
    beside: Flags
    gaps: Floats
    """Of each pair, in points."""

    @property
    def widths(self) -> Floats:
        """The width of each character, in points."""
        made: Floats = self.boxes[:, 2] - self.boxes[:, 0]
        return made

    @property
    def in_word(self) -> Flags:
        """Of each pair, whether both are letters that stand beside each other."""
        made: Flags = self.are_letters[:-1] & self.are_letters[1:] & self.beside
        return made


@quick
@dataclass(frozen=True, slots=True)
class _Runs:
    """Ranges of visible characters, their ends excluded."""

    starts: Indices
    ends: Indices


@quick
@dataclass(frozen=True, slots=True)
class _Columns:
    """How the text of a page fills columns; but for the lines, of each character."""

    pitches: Floats
    """How wide the columns of its size are, in points; 0 where it is set in none."""
    empty: Floats
    """How many columns are left empty behind it."""
    lines: _Runs


def with_columns_closed(page: RawPage) -> RawPage:
    """Give the page with programs of fixed columns as a font of fixed pitch would set them."""
    found = characters_of(page)
    ink = _ink(page, found)
    pitches = _pitches(ink)
    if not pitches.any():
        return page
    columns = _Columns(pitches, _empty_columns(ink, pitches), _runs(ink.beside))
    chosen = _are_programs(ink, columns)
    return _closed(page, found, ink, columns, chosen) if chosen.any() else page


def _ink(page: RawPage, found: Characters) -> _Ink:
    places = np.flatnonzero(found.codes > _SPACE)
    codes, boxes = found.codes[places], found.boxes[places]
    sizes = np.frombuffer(page.sizes, np.float32)[places]
    before, after = boxes[:-1], boxes[1:]
    beside = share_line(before, after) & (sizes[:-1] == sizes[1:])
    beside &= after[:, 0] > before[:, 0] - _APART_EM * sizes[1:]
    folded = codes | ord(" ")
    are_letters = (folded >= ord("a")) & (folded <= ord("z"))
    spans = np.where((codes < _FIRST_WIDE) | (codes > _LAST_WIDE), 1, 2).astype(np.float32)
    return _Ink(places, boxes, sizes, spans, are_letters, beside, after[:, 0] - before[:, 2])


def _runs(go_on: Flags) -> _Runs:
    """Give the runs of characters that ``go_on`` tells of all but the last."""
    ends = np.append(np.flatnonzero(~go_on) + 1, len(go_on) + 1)
    return _Runs(np.concatenate(([0], ends[:-1])), ends)


def _pitches(ink: _Ink) -> Floats:
    """Give each character the width of the columns that text of its size is set in; 0 for none."""
    words = _runs(_are_evenly_spaced(ink))
    first, last, counts = words.starts, words.ends - 1, words.ends - words.starts
    gaps = np.append(ink.gaps, 0)[first]
    sizes = ink.sizes[first]
    loose = (counts >= _LEAST_LETTERS) & (gaps > _EVEN_EM * sizes)
    widths = (ink.boxes[last, 2] - ink.boxes[first, 0] + 2 * gaps) / counts
    made = np.zeros(len(ink.places), np.float32)
    for size, _ in Counter(sizes[loose].tolist()).most_common(_MOST_SIZES):
        made[ink.sizes == size] = _common(widths[loose & (sizes == size)])
    return made


def _are_evenly_spaced(ink: _Ink) -> Flags:
    """Tell of each pair whether it goes on with a word whose letters have the same space between them."""
    in_word = ink.in_word
    uneven = np.abs(np.diff(ink.gaps)) > _EVEN_EM * ink.sizes[1:-1]
    made: Flags = in_word.copy()
    made[1:] &= ~(in_word[:-1] & uneven)
    return made


def _common(widths: Floats) -> float:
    """Give the width that most of these are near to; 0 if there is none."""
    ordered = np.sort(widths)
    counts = np.searchsorted(ordered, ordered * (1 + 2 * _SAME_COLUMN), "right") - np.arange(len(ordered))
    first = int(counts.argmax())
    most = int(counts[first])
    if most < max(_LEAST_WORDS, _AGREEING * len(ordered)):
        return 0.0
    return float(np.median(ordered[first : first + most]))


def _empty_columns(ink: _Ink, pitches: Floats) -> Floats:
    """Count the columns that are left empty behind each character, on the line that it stands on."""
    before, after = _margins(ink, pitches)
    columns = np.maximum(
        np.rint((ink.gaps - before[:-1] - after[1:]) / np.where(pitches[1:] > 0, pitches[1:], np.inf)), 0
    )
    return np.append(np.where(ink.beside, columns, 0), 0).astype(np.float32)


def _margins(ink: _Ink, pitches: Floats) -> tuple[Floats, Floats]:
    """Give how much of its columns is free behind the last character of a word, and before the first one.

    It is as much as between the letters of the word; of one letter, it is half of what that leaves of its column.
    """
    alone: Floats = (ink.spans * pitches - ink.widths) / np.float32(2)
    alike = ink.beside & (ink.are_letters[:-1] == ink.are_letters[1:]) & (ink.gaps < _IN_WORD * pitches[1:])
    behind, before = alone.copy(), alone.copy()
    behind[1:][alike], before[:-1][alike] = ink.gaps[alike], ink.gaps[alike]
    return behind, before


def _are_programs(ink: _Ink, columns: _Columns) -> Flags:
    """Tell of each line whether its words fill columns; one without any may stand between such lines, or beside one."""
    words = _runs(ink.in_word & (columns.empty[:-1] == 0))
    first, last, counts = words.starts, words.ends - 1, words.ends - words.starts
    extents = ink.boxes[last, 2] - ink.boxes[first, 0]
    spaces = (extents - np.add.reduceat(ink.widths, first)) / np.maximum(counts - 1, 1)
    widths = counts * columns.pitches[first]
    fitting = (counts >= _LEAST_LETTERS) & (np.abs(extents + 2 * spaces - widths) < _NEAR_COLUMN * widths)
    as_usual = ink.in_word & (np.abs(ink.gaps) < _EVEN_EM * ink.sizes[1:])
    lines = columns.lines
    fits, usual, pairs = (
        np.bincount(np.searchsorted(lines.starts, places, "right") - 1, minlength=len(lines.starts))
        for places in (first[fitting], np.flatnonzero(as_usual), np.flatnonzero(ink.in_word))
    )
    possible = (columns.pitches[lines.starts] > 0) & (2 * usual <= pairs)
    return _with_lines_beside(ink, lines, possible & (fits > 0), possible)


def _with_lines_beside(ink: _Ink, lines: _Runs, sure: Flags, possible: Flags) -> Flags:
    """Add lines that tell nothing, such as one of a bracket, where one that is sure or added stands beside them."""
    sizes, bottoms = ink.sizes[lines.starts], ink.boxes[lines.starts, 3]
    close = (np.abs(np.diff(bottoms)) < _CLOSE_LINES * sizes[1:]) & (sizes[1:] == sizes[:-1])
    made = sure.tolist()
    for at in range(1, len(made)):
        made[at] |= made[at - 1] and bool(possible[at] and close[at - 1])
    for at in reversed(range(len(made) - 1)):
        made[at] |= made[at + 1] and bool(possible[at] and close[at])
    return np.array(made, np.bool_)


def _closed(page: RawPage, found: Characters, ink: _Ink, columns: _Columns, of_program: Flags) -> RawPage:
    """Set the lines of programs anew, and leave all others as they are."""
    counts = columns.lines.ends - columns.lines.starts
    chosen, starts = np.repeat(of_program, counts), np.repeat(columns.lines.starts, counts)
    pitches, empty = columns.pitches, np.where(chosen, columns.empty, 0)
    numbers = np.cumsum(np.append(0, (ink.spans + empty)[:-1]))
    lefts = ink.boxes[:, 0] - _margins(ink, pitches)[1]
    boxes, places = found.boxes.copy(), ink.places[chosen]
    boxes[places, 0] = (lefts[starts] + (numbers - numbers[starts]) * pitches)[chosen]
    boxes[places, 2] = boxes[places, 0] + (ink.spans * pitches)[chosen]
    within = np.append(ink.beside & chosen[1:], False)
    made = _with_spaces(Characters(found.codes, boxes, found.places), ink, within, empty * pitches)
    return _with_fixed_pitch(with_characters(page, made), np.isin(made.places, places))


def _with_spaces(found: Characters, ink: _Ink, within: Flags, empty: Floats) -> Characters:
    """Put one space where columns are empty ``within`` a line, instead of those that were inferred there.

    ``empty`` is how wide the columns behind each visible character are that are empty, in points.
    """
    before = np.searchsorted(ink.places, np.arange(len(found.codes)), "right") - 1
    kept = (found.codes > _SPACE) | (before < 0) | ~within[before]
    behind = np.flatnonzero(empty)
    at = ink.places[behind]
    spaces = found.boxes[at]
    spaces[:, 0] = spaces[:, 2]
    spaces[:, 2] += empty[behind]
    made = Characters(
        np.append(found.codes[kept], np.full(len(at), _SPACE, np.uint32)),
        np.concatenate((found.boxes[kept], spaces)),
        np.append(found.places[kept], at),
    )
    return made.chosen(np.argsort(made.places, kind="stable"))


def _with_fixed_pitch(page: RawPage, chosen: Flags) -> RawPage:
    """Set some characters in fonts of fixed pitch that are else like their own."""
    fonts = np.frombuffer(page.fonts, np.uint16).copy()
    used = np.unique(fonts[chosen])
    table = [*page.font_table, *(replace(page.font_table[font], monospaced=True) for font in used.tolist())]
    fonts[chosen] = len(page.font_table) + np.searchsorted(used, fonts[chosen])
    return replace(page, fonts=fonts.tobytes(), font_table=tuple(table))
