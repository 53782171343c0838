"""What OCR has read of an image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.value import unguarded

SURE = 0.9
"""Confidence from which on a reading is taken for what the page says. Of the words of real scans that PP-OCR reads with
less, every second is wrong; of those with more, one in thirty."""


@unguarded
@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word: text, box in points, confidence from 0 to 1 (1 where the engine gives none)."""

    text: str
    box: Box
    confidence: float = 1.0


def mean_confidence(words: Iterable[Word]) -> float | None:
    """Give the mean over all characters of words; None where there are none."""
    sure = [(word.confidence, len(word.text)) for word in words]
    characters = sum(count for _, count in sure)
    return sum(confidence * count for confidence, count in sure) / characters if characters else None


@dataclass(frozen=True, slots=True)
class Recognition:
    """What OCR has read of a page image, in reading order; boxes lie on the image as it was given."""

    words: tuple[Word, ...]
    engine: str
    """Who read it; empty where nobody could."""
    turn: int = 0
    """Clockwise quarter turns in which the text reads on the image: 1 for a page that lies on its right side."""
    skew: float = 0.0
    """Degrees by which the lines, read in that direction, slope downward; within -45 and 45."""
