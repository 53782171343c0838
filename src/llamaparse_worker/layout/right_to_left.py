"""Brings the characters of lines with Arabic or Hebrew into reading order."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llamaparse_worker.layout.bidi import reading_order, runs_backward, with_brackets_turned
from llamaparse_worker.layout.characters import Characters
from llamaparse_worker.layout.cut import WIDE_GAP_EM

_SPACE_EM = 0.18
"""A wider gap is a space even where the file has none. The letters of a word may stand a little apart."""
_SAME_LINE = 0.5
_OVERLAP = 0.6

Sides = list[float]


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A character where it stands; spaces that have been inferred have the place of what is before them."""

    text: str
    box: Sides
    place: int
    size: float


def in_reading_order(found: Characters, sizes: Sequence[float], *, mirrored: bool) -> Characters:
    """Give the characters of each line as they are read, in boxes that follow one another from left to right.

    ``mirrored`` tells that the boxes have been mirrored, as the page reads from right to left.
    """
    read: list[_Glyph] = []
    for line in _lines(_glyphs(found, sizes)):
        for piece in _pieces(_level(line)):
            read.extend(_read(piece, mirrored=mirrored))
        read.append(_Glyph("\n", read[-1].box, read[-1].place, 0.0))
    return Characters(
        np.array([ord(glyph.text) for glyph in read], np.uint32),
        np.array([glyph.box for glyph in read], np.float32).reshape(-1, 4),
        np.array([glyph.place for glyph in read], np.intp),
    )


def _glyphs(found: Characters, sizes: Sequence[float]) -> Iterator[_Glyph]:
    text = found.codes.astype("<u4").tobytes().decode("utf-32-le")
    for character, box, place, size in zip(text, found.boxes.tolist(), found.places.tolist(), sizes, strict=True):
        # Readers infer spaces as if the line ran from left to right: those stand in the wrong place.
        if not character.isspace() or box[2] > box[0]:
            yield _Glyph(character, box, place, size)


def _lines(glyphs: Iterator[_Glyph]) -> Iterator[list[_Glyph]]:
    """Give runs of characters that the file has one after the other and that stand on one line."""
    line: list[_Glyph] = []
    top = bottom = 0.0
    for glyph in glyphs:
        if not glyph.text.isspace():
            shared = min(bottom, glyph.box[3]) - max(top, glyph.box[1])
            if line and shared < _SAME_LINE * (glyph.box[3] - glyph.box[1]):
                yield line
                line = []
            seen = not all(before.text.isspace() for before in line)
            top, bottom = (min(top, glyph.box[1]), max(bottom, glyph.box[3])) if seen else (glyph.box[1], glyph.box[3])
        line.append(glyph)
    if line:
        yield line


def _level(line: Sequence[_Glyph]) -> list[_Glyph]:
    """Let all boxes of a line reach from its top to its bottom: those of decomposed ligatures are close to the ink."""
    top, bottom = min(glyph.box[1] for glyph in line), max(glyph.box[3] for glyph in line)
    return [replace(glyph, box=[glyph.box[0], top, glyph.box[2], bottom]) for glyph in line]


def _pieces(line: Sequence[_Glyph]) -> Iterator[list[_Glyph]]:
    """Put the characters of a line in order of their places, and part it at wide gaps."""
    piece: list[_Glyph] = []
    for glyph in _with_marks_first(sorted(line, key=lambda glyph: glyph.box[0] + glyph.box[2])):
        gap = glyph.box[0] - max((before.box[2] for before in piece[-3:]), default=glyph.box[0])
        if gap > WIDE_GAP_EM * glyph.size:
            yield piece
            piece = []
        elif gap > _SPACE_EM * glyph.size and not (glyph.text.isspace() or piece[-1].text.isspace()):
            end = piece[-1].box[2]
            piece.append(_Glyph(" ", [end, glyph.box[1], end, glyph.box[3]], piece[-1].place, glyph.size))
        piece.append(glyph)
    if piece:
        yield piece


def _with_marks_first(ordered: Sequence[_Glyph]) -> list[_Glyph]:
    """Put marks before the letter that they stand over, so that they come after it when read from the right."""
    made: list[_Glyph] = []
    for glyph in ordered:
        at = len(made)
        if unicodedata.combining(glyph.text):
            while at and _overlap(made[at - 1].box, glyph.box):
                at -= 1
        made.insert(at, glyph)
    return made


def _overlap(one: Sides, other: Sides) -> bool:
    return min(one[2], other[2]) - max(one[0], other[0]) > _OVERLAP * min(one[2] - one[0], other[2] - other[0])


def _read(piece: list[_Glyph], *, mirrored: bool) -> Iterator[_Glyph]:
    seen = piece[::-1] if mirrored else piece
    text = "".join(glyph.text for glyph in seen)
    backward = runs_backward(text, on_backward_page=mirrored)
    order = reading_order(text, right_to_left=backward)
    read = "".join(text[place] for place in order)
    if backward:
        read = with_brackets_turned(read)
    for character, place, beneath in zip(read, order, piece, strict=True):
        yield _Glyph(character, beneath.box, seen[place].place, seen[place].size)
