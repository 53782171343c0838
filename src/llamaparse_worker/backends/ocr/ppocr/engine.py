"""The engine: lines are found, the direction of the page is told by what reads best, and every line is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from llamaparse_worker.backends.ocr.engine import Picture, Samples
from llamaparse_worker.backends.ocr.ppocr.detection import Quad, detect, extent
from llamaparse_worker.backends.ocr.ppocr.lines import PlacedLine, are_mostly_downward, in_reading_order, skew
from llamaparse_worker.backends.ocr.ppocr.network import Floats, Network
from llamaparse_worker.backends.ocr.ppocr.recognition import ReadLine, decoded, line_picture, network_input
from llamaparse_worker.model.recognition import Recognition

_POINTS_PER_INCH = 72
_SAMPLED = 5
_SURE = 0.9
"""Confidence of lines that certainly do not stand on their heads."""
_LEAST_CONFIDENCE = 0.5
"""Below, a line is more often dirt, a drawing or a signature than text."""


class PpOcrEngine:
    """Reads one picture at a time with a network of its own; ``name`` is that of the engine in results."""

    def __init__(self, name: str, network: Network) -> None:
        self._name = name
        self._network = network

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        """Recognise words; the network reads all its languages at once, so ``languages`` tells it nothing."""
        del languages
        samples = three_channels(picture.samples)
        quads = detect(samples, self._network.find)
        downward = are_mostly_downward(quads)
        flipped = self._stand_on_their_heads(samples, quads)
        lines = [
            PlacedLine(quad, line, flipped)
            for quad, line in zip(quads, self._read_lines(samples, quads, flipped=flipped), strict=True)
            if line.confidence >= _LEAST_CONFIDENCE
        ]
        turn = int(downward) + 2 * int(flipped)
        slope, scale = skew(lines, turn), _POINTS_PER_INCH / picture.dpi
        ordered = in_reading_order(lines, turn, slope)
        return Recognition(tuple(word for line in ordered for word in line.words(scale)), self._name, turn, slope)

    def _stand_on_their_heads(self, samples: Samples, quads: Sequence[Quad]) -> bool:
        """Read the longest lines, and what is not sure once more upside down."""
        longest = sorted(quads, key=lambda quad: -max(extent(quad)))[:_SAMPLED]
        natural = _mean_confidence(self._read_lines(samples, longest, flipped=False))
        if natural >= _SURE or not longest:
            return False
        return natural < _mean_confidence(self._read_lines(samples, longest, flipped=True))

    def _read_lines(self, samples: Samples, quads: Sequence[Quad], *, flipped: bool) -> list[ReadLine]:
        """Read lines; each is cut out when the network asks for it."""
        filled: list[float] = []

        def inputs() -> Iterator[Floats]:
            for quad in quads:
                values, share = network_input(_cut(samples, quad, flipped=flipped))
                filled.append(share)
                yield values

        paths = self._network.read(inputs())
        return [decoded(path, self._network.signs, filled[number]) for number, path in enumerate(paths)]


@contextmanager
def opened_engine(name: str, network: Network) -> Iterator[PpOcrEngine]:
    """Yield an engine for one thread."""
    yield PpOcrEngine(name, network)


def three_channels(samples: Samples) -> Samples:
    """Give a picture as the networks know them: blue, green, red."""
    kind = cv2.COLOR_GRAY2BGR if samples.shape[2] == 1 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(samples, kind), np.uint8)


def _cut(samples: Samples, quad: Quad, *, flipped: bool) -> Samples:
    cut = line_picture(samples, quad)
    return np.asarray(cv2.rotate(cut, cv2.ROTATE_180), np.uint8) if flipped else cut


def _mean_confidence(lines: Sequence[ReadLine]) -> float:
    return sum(line.confidence for line in lines) / len(lines) if lines else 0.0
