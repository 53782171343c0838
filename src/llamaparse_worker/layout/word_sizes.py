"""The font size of recognised words: by their boxes, whichever letters they have.

A box close around "sea" is half as high as one around "quay" in the same type. So a height is first set against what
the letters of the word, or of its line where all boxes of a line are alike, can reach; ideographs are as wide as they
are high, so that a line of them is measured by its length. The sizes of a page are then gathered into the few that it
has, as what one line gives is off by a tenth as a rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import median

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Word

_RISING = re.compile("[^acegmnopqrsuvwxyz.,:;_\\s·•—–-]")
_FALLING = re.compile("[gjpqyQ,;()\\[\\]{}|ÇçŞşß/]")
_IDEOGRAPHS = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")

_INK = {(True, True): 0.93, (True, False): 0.72, (False, True): 0.69, (False, False): 0.5}
"""Heights of the ink in em: with ascenders or capitals, and with descenders, in common Latin typefaces."""
_LINE = {(True, True): 1.25, (True, False): 1.12, (False, True): 1.12, (False, False): 1.0}
"""Heights of the boxes of whole lines in em, which detectors of text regions give with some room around the ink."""
_IDEOGRAPH = 0.93
_HALF_WIDTH = 0.5
"""Of letters and figures among ideographs, in em."""
_LEAST_IDEOGRAPHS = 4
_LOOSELY_SET = 1.5

_SAME_LINE = 0.4
_FAR = 1.0
_MOST_UNEVEN = 2.5
_DIFFERENT = 1.2
_SAME_SIZE = 0.16
"""Sizes closer than this part are one, as far as boxes can tell; headings by size are larger still."""
_LEAST_EM = 1.0
_SPACE_EM, _MOST_SPACE_EM = 0.28, 0.7


@dataclass(frozen=True, slots=True)
class _Line:
    words: tuple[Word, ...]

    @property
    def characters(self) -> int:
        return sum(len(word.text) for word in self.words)


@dataclass(frozen=True, slots=True)
class Measured:
    """The font size of a word in points, and its box as a text layer would have it."""

    size: float
    box: Box


def measured(words: Sequence[Word]) -> list[Measured]:
    """Measure words; their boxes lie level, and words of a line follow each other.

    Boxes of lines leave so much room around the type that those of close lines overlap: words become as high as their
    type, and reach as near to the next one as a space is wide, since nobody has seen where exactly they end.
    """
    lines = _lines(words)
    by_line = _are_boxes_of_lines(lines)
    sizes = _gathered([_size(line, by_line=by_line) for line in lines], [line.characters for line in lines])
    return [
        Measured(size, _of_type(word, after, size) if by_line else word.box)
        for line, size in zip(lines, sizes, strict=True)
        for word, after in zip(line.words, [*line.words[1:], None], strict=True)
    ]


def _of_type(word: Word, after: Word | None, size: float) -> Box:
    box = word.box
    half = min(box.height, size) / 2
    middle = (box.y0 + box.y1) / 2
    return Box(box.x0, middle - half, _end(word, after, size), middle + half)


def _end(word: Word, after: Word | None, size: float) -> float:
    """Narrow the space between two words of one box: it is as wide as a letter only where places are shared out."""
    if after is None or (word.box.y0, word.box.y1) != (after.box.y0, after.box.y1):
        return word.box.x1
    gap = after.box.x0 - word.box.x1
    return after.box.x0 - _SPACE_EM * size if _SPACE_EM * size < gap <= _MOST_SPACE_EM * size else word.box.x1


def _are_boxes_of_lines(lines: Sequence[_Line]) -> bool:
    """Tell whether neighbours with letters of different heights have boxes of one height nonetheless."""
    votes = 0
    for line in lines:
        for before, word in pairwise(line.words):
            expected = _extent(word.text, _INK) / _extent(before.text, _INK)
            if max(expected, 1 / expected) > _DIFFERENT:
                found = word.box.height / before.box.height
                votes += 1 if abs(log(found)) < abs(log(found / expected)) else -1
    return votes >= 0


def _lines(words: Sequence[Word]) -> list[_Line]:
    made: list[list[Word]] = []
    for word in words:
        if made and goes_on(made[-1][-1], word):
            made[-1].append(word)
        else:
            made.append([word])
    return [_Line(tuple(line)) for line in made]


def goes_on(before: Word, word: Word) -> bool:
    """Tell whether a word stands level with the one before and not far from it."""
    one, other = before.box, word.box
    shared = min(one.y1, other.y1) - max(one.y0, other.y0)
    lower, higher = sorted((one.height, other.height))
    near = abs(other.x0 - one.x1) <= _FAR * lower
    return near and shared > _SAME_LINE * lower and higher < _MOST_UNEVEN * lower


def _size(line: _Line, *, by_line: bool) -> float:
    size = _size_by_height(line, by_line=by_line)
    pitch = _pitch(line)
    return pitch if pitch is not None and 1 / _LOOSELY_SET < pitch / size < _LOOSELY_SET else size


def _pitch(line: _Line) -> float | None:
    """Give the width that an ideograph has in a line of them, which is its size: it varies less than a box's height."""
    wide = sum(len(_IDEOGRAPHS.findall(word.text)) for word in line.words)
    if wide < max(_LEAST_IDEOGRAPHS, line.characters / 2):
        return None
    return sum(word.box.width for word in line.words) / (wide + _HALF_WIDTH * (line.characters - wide))


def _size_by_height(line: _Line, *, by_line: bool) -> float:
    if by_line:
        text = " ".join(word.text for word in line.words)
        return max(_LEAST_EM, median(word.box.height for word in line.words) / _extent(text, _LINE))
    estimates = [word.box.height / _extent(word.text, _INK) for word in line.words for _ in word.text]
    return max(_LEAST_EM, median(estimates))


def _extent(text: str, heights: dict[tuple[bool, bool], float]) -> float:
    if _IDEOGRAPHS.search(text):
        return max(_IDEOGRAPH, heights[True, False])
    return heights[_RISING.search(text) is not None, _FALLING.search(text) is not None]


def _gathered(sizes: Sequence[float], weights: Sequence[int]) -> list[float]:
    """Replace each size by the middle of its kind; the kind with most characters comes first and takes what is near."""
    left = sorted(range(len(sizes)), key=lambda index: sizes[index])
    made = [0.0] * len(sizes)
    while left:
        middle = _heaviest(left, sizes, weights)
        near = [index for index in left if abs(sizes[index] - middle) <= _SAME_SIZE * middle]
        for index in near:
            made[index] = round(middle, 2)
        left = [index for index in left if not made[index]]
    return made


def _heaviest(left: Sequence[int], sizes: Sequence[float], weights: Sequence[int]) -> float:
    """Give the weighted median of the sizes around which most characters are; ``left`` is in order of size."""
    most, chosen = 0, (0, 0)
    start = held = 0
    for end, index in enumerate(left):
        held += weights[index]
        while sizes[left[start]] < (1 - _SAME_SIZE) * sizes[index]:
            held -= weights[left[start]]
            start += 1
        if held > most:
            most, chosen = held, (start, end + 1)
    window = left[chosen[0] : chosen[1]]
    half, passed = sum(weights[index] for index in window) / 2, 0
    for index in window:
        passed += weights[index]
        if passed >= half:
            return sizes[index]
    return sizes[window[-1]]
