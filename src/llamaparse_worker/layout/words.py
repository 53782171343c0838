"""Recognised words as characters of a page, so that what OCR has read takes the way of the text layer from there on.

Engines tell where words are, not where their letters are: these share the box of their word by their usual widths.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np

from llamaparse_worker.layout.bidi import RIGHT_TO_LEFT
from llamaparse_worker.layout.word_sizes import measured
from llamaparse_worker.model.characters import TURNS, Font, Trait
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word, mean_confidence

_WIDTHS = {**dict.fromkeys("iljtfrI.,:;'!|()[]1-", 0.6), **dict.fromkeys("mwMW@%—…", 1.5)}
_CAPITAL, _FULL_WIDTH, _USUAL = 1.2, 2.0, 1.0
_UPRIGHT_ASPECT = 2.0
_LEAST_STANDING = 3
_TOUCHING_EM = 0.12
_MOST_WIDE = 0.95
_SAME_LINE = 0.5

_Sides = tuple[float, float, float, float]


def with_words(page: RawPage, words: Sequence[Word], turn: int = 0) -> RawPage:
    """Add recognised words to the characters of a page, behind those of its text layer.

    ``turn`` is the clockwise quarter turns in which the words read on the page. A word that stands on end among level
    ones reads upward, as spines and stamps in the margin do.
    """
    shown = [word for word in (_on_page(word, page) for word in words) if word.text.strip() and _has_extent(word.box)]
    if not shown:
        return page
    texts, boxes, sizes, turns = [page.text], list[_Sides](), list[float](), list[int]()
    directions = [(turn + 3 * _stands(word, turn)) % 4 for word in shown]
    found = measured([_lying(word, of_word) for word, of_word in zip(shown, directions, strict=True)])
    for index, (word, one, of_word) in enumerate(zip(shown, found, directions, strict=True)):
        text = " ".join(word.text.split())
        placed = _letters(text, _back(one.box, of_word), of_word)
        if index and not _touches(shown[index - 1], word, one.size):
            text = " " + text
            x0, y0, _, y1 = boxes[-1]
            placed = [(x0, y0, x0, y1), *placed]
        elif not index and page.text:
            text = "\n" + text
            placed = [(0.0, 0.0, 0.0, 0.0), *placed]
        texts.append(text)
        boxes.extend(placed)
        sizes.extend([one.size] * len(placed))
        turns.extend([of_word] * len(placed))
    return _with_characters(page, "".join(texts), boxes, sizes, turns)


def _with_characters(
    page: RawPage, text: str, boxes: Sequence[_Sides], sizes: Sequence[float], turns: Sequence[int]
) -> RawPage:
    before, added = len(page.text), len(boxes)
    traits = page.traits or bytes(before)
    return replace(
        page,
        text=text,
        boxes=page.boxes + np.array(boxes, np.float32).tobytes(),
        sizes=page.sizes + np.array(sizes, np.float32).tobytes(),
        fonts=page.fonts + np.full(added, len(page.font_table), np.uint16).tobytes(),
        font_table=(*page.font_table, Font("")),
        traits=traits + np.array(turns, np.uint8).tobytes() if any(turns) or any(traits) else b"",
        # What no element of the document's structure holds would not be read.
        elements=b"",
        element_table=(),
    )


def without_characters(page: RawPage) -> RawPage:
    """Give the page as if it had no text layer: what it has is not to be trusted."""
    return replace(page, text="", boxes=b"", sizes=b"", fonts=b"", traits=b"", elements=b"", element_table=())


def confidence_of(words: Sequence[Word]) -> float | None:
    """Give the mean confidence of all characters; None where there are none."""
    found = mean_confidence(words)
    return None if found is None else round(found, 4)


def without_doubles(words: Sequence[Word], page: RawPage) -> tuple[Word, ...]:
    """Leave out words that stand where the text layer has visible characters, or where nothing reaches the page."""
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    if not len(boxes):
        return tuple(words)
    across, down = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    return tuple(
        word
        for word in words
        if not ((across >= word.box.x0) & (across <= word.box.x1) & (down >= word.box.y0) & (down <= word.box.y1)).any()
    )


def _on_page(word: Word, page: RawPage) -> Word:
    """Cut the box of a word to its page: detectors leave room around the ink, and pages are cropped close to it."""
    box = word.box
    x0, x1 = (min(max(0.0, x), page.width) for x in (box.x0, box.x1))
    y0, y1 = (min(max(0.0, y), page.height) for y in (box.y0, box.y1))
    return replace(word, box=Box(x0, y0, x1, y1))


def _has_extent(box: Box) -> bool:
    return box.width > 0 and box.height > 0


def _stands(word: Word, turn: int) -> bool:
    """Tell whether a word is set along the other direction of the page than the rest."""
    along, across = (word.box.width, word.box.height) if turn % 2 == 0 else (word.box.height, word.box.width)
    return len(word.text) >= _LEAST_STANDING and across > _UPRIGHT_ASPECT * along


def _lying(word: Word, turn: int) -> Word:
    """Give a word with a box as wide as it is long, and at its place along and across its lines."""
    box = word.box
    match turn:
        case 1:
            box = Box(box.y0, -box.x1, box.y1, -box.x0)
        case 2:
            box = Box(-box.x1, -box.y1, -box.x0, -box.y0)
        case 3:
            box = Box(-box.y1, box.x0, -box.y0, box.x1)
        case _:
            pass
    return replace(word, box=box)


def _back(box: Box, turn: int) -> Box:
    """Undo ``_lying``."""
    match turn:
        case 1:
            return Box(-box.y1, box.x0, -box.y0, box.x1)
        case 2:
            return Box(-box.x1, -box.y1, -box.x0, -box.y0)
        case 3:
            return Box(box.y0, -box.x1, box.y1, -box.x0)
        case _:
            return box


def _letters(text: str, box: Box, turn: int) -> list[_Sides]:
    """Share a box among the letters of a word, in the direction in which it reads."""
    downward = bool(turn & Trait.DOWNWARD)
    first, last, height = (box.y0, box.y1, box.width) if downward else (box.x0, box.x1, box.height)
    backward = turn in {Trait.BACKWARD, TURNS} or (not turn and RIGHT_TO_LEFT.search(text) is not None)
    edges = [last - edge if backward else first + edge for edge in _edges(text, last - first, height)]
    parts = [(min(pair), max(pair)) for pair in pairwise(edges)]
    if downward:
        return [(box.x0, start, box.x1, end) for start, end in parts]
    return [(start, box.y0, end, box.y1) for start, end in parts]


def _edges(text: str, length: float, height: float) -> Iterator[float]:
    """Give where letters begin along a word, and where the last one ends.

    All but the last are narrower than high, as those of a line that is turned are not.
    """
    widths = [_width(letter) for letter in text]
    scale = length / sum(widths)
    yield from accumulate((min(width * scale, _MOST_WIDE * height) for width in widths[:-1]), initial=0.0)
    yield length


def _width(letter: str) -> float:
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if letter.isupper():
        return _CAPITAL
    return _FULL_WIDTH if not letter.isascii() and unicodedata.east_asian_width(letter) in "WF" else _USUAL


def _touches(before: Word, word: Word, size: float) -> bool:
    """Tell whether a word goes on where the one before ends, as those of Chinese and Japanese do."""
    shared = min(before.box.y1, word.box.y1) - max(before.box.y0, word.box.y0)
    level = shared > _SAME_LINE * min(before.box.height, word.box.height)
    return level and abs(word.box.x0 - before.box.x1) <= _TOUCHING_EM * size and not before.text[-1:].isascii()
