"""Recognised words as segments, so that OCR takes the way of the text layer from there on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from llamaparse_worker.layout.segments import Segment, Style
from llamaparse_worker.model.page import Word

_SIZE_OF_HEIGHT = 0.85
"""Engines give boxes close around the ink of a line: a little lower than the font size with its descenders."""


def word_segments(words: Sequence[Word]) -> list[Segment]:
    """Give one segment for each word that shows anything."""
    return [
        Segment(
            round(word.box.x0, 2),
            round(word.box.y0, 2),
            round(word.box.x1, 2),
            round(word.box.y1, 2),
            round(word.box.height / _SIZE_OF_HEIGHT, 2),
            " ".join(word.text.split()),
        )
        for word in words
        if word.text.strip() and word.box.width > 0 and word.box.height > 0
    ]


def style_of(segments: Sequence[Segment]) -> Style:
    """Give the usual size among recognised words; the look of letters is not known."""
    return Style(round(median(found.size for found in segments), 1) if segments else 0.0, bold=False)
