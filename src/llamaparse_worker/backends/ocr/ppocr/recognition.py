"""What a line of text says, and where its words stand in it.

The network gives for each eighth of the height of a line how likely each character is there, or none; the best path is
read off (Graves et al., "Connectionist temporal classification", 2006).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.ocr.engine import Samples
from llamaparse_worker.backends.ocr.ppocr.detection import Quad, extent
from llamaparse_worker.backends.ocr.ppocr.network import Floats, Path, normalised

HEIGHT = 48
"""Of a line as the network takes it, in pixels."""
_WIDTH_STEP = 96
"""Widths are rounded up to a multiple, as every new width costs the network a preparation and memory."""
_LONGEST = 3200
_UPRIGHT = 1.5
"""A line this many times as high as long is written downward."""
_BLANK = 0
_SPACE = " "


@dataclass(frozen=True, slots=True)
class ReadWord:
    """A word of a line: its text, from where to where it goes as shares of the line's length, and how sure it is."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What a line says."""

    words: tuple[ReadWord, ...]

    @property
    def text(self) -> str:
        """The words with spaces between."""
        return _SPACE.join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """The mean over its characters; 0 for a line without any."""
        count = sum(len(word.text) for word in self.words)
        return sum(word.confidence * len(word.text) for word in self.words) / count if count else 0.0


def is_downward(quad: Quad) -> bool:
    """Tell whether a line is written downward or upward."""
    across, down = extent(quad)
    return down >= _UPRIGHT * across


def line_picture(picture: Samples, quad: Quad) -> Samples:
    """Cut a line out, straightened; one that is written downward lies on its left side."""
    across, down = (max(2, round(side)) for side in extent(quad))
    target = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)
    transform = cv2.getPerspectiveTransform(quad, target)
    cut = cv2.warpPerspective(
        picture, transform, (across, down), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    turned = cv2.rotate(cut, cv2.ROTATE_90_COUNTERCLOCKWISE) if is_downward(quad) else cut
    return np.asarray(turned, np.uint8)


def network_input(line: Samples) -> tuple[Floats, float]:
    """Give a line as the network takes it, shape (1, 3, 48, w), and the share of its width that the line fills."""
    height, width = line.shape[:2]
    used = min(_LONGEST, max(HEIGHT // 3, math.ceil(HEIGHT * width / height)))
    padded = math.ceil(used / _WIDTH_STEP) * _WIDTH_STEP
    made = np.zeros((1, 3, HEIGHT, padded), np.float32)
    made[0, :, :, :used] = normalised(np.asarray(cv2.resize(line, (used, HEIGHT)), np.uint8))
    return made, used / padded


def decoded(path: Path, signs: Sequence[str], filled: float) -> ReadLine:
    """Give what a path says; ``filled`` as from ``network_input``."""
    best = path.signs
    shown = best != _BLANK
    shown[1:] &= best[1:] != best[:-1]
    steps = np.flatnonzero(shown)
    sure = path.likelihoods[steps].tolist()
    ends = _last_steps(best, steps)
    scale = 1 / (len(best) * filled)
    letters = zip((signs[index] for index in best[steps]), steps.tolist(), ends.tolist(), sure, strict=True)
    return ReadLine(tuple(_words(list(letters), scale)))


def _last_steps(best: npt.NDArray[np.int64], steps: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give for each character the step behind the last one that shows it."""
    changes = np.append(np.flatnonzero(best[1:] != best[:-1]) + 1, len(best))
    return changes[np.searchsorted(changes, steps, side="right")]


def _words(letters: list[tuple[str, int, int, float]], scale: float) -> Iterator[ReadWord]:
    """Part characters at spaces; a word reaches to the middle of the blank steps beside its outer characters."""
    start = 0
    for index in range(len(letters) + 1):
        if index < len(letters) and letters[index][0] != _SPACE:
            continue
        if index > start:
            word = letters[start:index]
            before = letters[start - 1][2] if start else 0
            first = (before + word[0][1]) / 2 if start else max(0.0, word[0][1] - 1.0)
            last = (word[-1][2] + letters[index][1]) / 2 if index < len(letters) else word[-1][2] + 1.0
            yield ReadWord(
                "".join(letter for letter, *_ in word),
                min(1.0, first * scale),
                min(1.0, last * scale),
                sum(sure for *_, sure in word) / len(word),
            )
        start = index + 1
