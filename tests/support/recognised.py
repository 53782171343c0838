"""What an OCR engine would read of a page that is described here: words with boxes as engines give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import cos, radians, sin

from llamaparse_worker.model.characters import Font
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word

WIDTH, HEIGHT = 595.0, 842.0
_LETTER_EM, _SPACE_EM = 0.5, 0.28
_RISING, _FALLING = 0.72, 0.21
"""Heights of the ink above and below the baseline in em."""
_X_HEIGHT = 0.5


def scanned(width: float = WIDTH, height: float = HEIGHT, rules: bytes = b"") -> RawPage:
    """Give a page that is a picture."""
    return RawPage(
        1, width, height, 0, "", b"", b"", b"", (Font(""),), image_boxes=(Box(0, 0, width, height),), rules=rules
    )


def line(text: str, x: float, baseline: float, size: float = 10.0, *, close: bool = False) -> list[Word]:
    """Give the words of a line: with the box of the line cut into parts, or each ``close`` around its own ink."""
    made = []
    for word in text.split(" "):
        width = len(word) * _LETTER_EM * size
        above, below = 0.95 * size, 0.3 * size
        if close:
            above = size * (_RISING if any(letter not in "acegmnopqrsuvwxyz.,-" for letter in word) else _X_HEIGHT)
            below = size * (_FALLING if any(letter in "gjpqy," for letter in word) else 0.0)
        made.append(Word(word, Box(x, baseline - above, x + width, baseline + below), 0.9))
        x += width + _SPACE_EM * size
    return made


def lines(texts: Sequence[str], x: float, top: float, size: float = 10.0, *, close: bool = False) -> list[Word]:
    """Give lines below each other, as far apart as those of a text."""
    return [
        word
        for index, text in enumerate(texts)
        for word in line(text, x, top + size + 1.25 * size * index, size, close=close)
    ]


def sloping(words: Iterable[Word], degrees: float, width: float = WIDTH, height: float = HEIGHT) -> tuple[Word, ...]:
    """Give the boxes around words of a page that lies at an angle, clockwise."""
    along, across = cos(radians(degrees)), sin(radians(degrees))

    def turned(word: Word) -> Word:
        corners = [(x, y) for x in (word.box.x0, word.box.x1) for y in (word.box.y0, word.box.y1)]
        moved = [
            (
                width / 2 + along * (x - width / 2) - across * (y - height / 2),
                height / 2 + across * (x - width / 2) + along * (y - height / 2),
            )
            for x, y in corners
        ]
        xs, ys = [x for x, _ in moved], [y for _, y in moved]
        return replace(word, box=Box(min(xs), min(ys), max(xs), max(ys)))

    return tuple(map(turned, words))


def quarter_turned(words: Iterable[Word], turn: int, width: float = WIDTH, height: float = HEIGHT) -> tuple[Word, ...]:
    """Give the words of a page of this size after so many clockwise quarter turns of it."""
    made = tuple(words)
    for _ in range(turn):
        made = tuple(
            replace(word, box=Box(height - word.box.y1, word.box.x0, height - word.box.y0, word.box.x1))
            for word in made
        )
        width, height = height, width
    return made
