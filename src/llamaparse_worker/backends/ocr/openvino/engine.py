"""The engine: lines are found, the direction of the page is told by what reads best, and every line is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from llamaparse_worker.backends.ocr.engine import Picture, Samples
from llamaparse_worker.backends.ocr.openvino import NAME
from llamaparse_worker.backends.ocr.openvino.detection import Floats, Quad, detect, extent
from llamaparse_worker.backends.ocr.openvino.lines import PlacedLine, are_mostly_downward, in_reading_order, skew
from llamaparse_worker.backends.ocr.openvino.networks import Networks
from llamaparse_worker.backends.ocr.openvino.recognition import ReadLine, decoded, line_picture, network_input
from llamaparse_worker.model.page import Recognition

_POINTS_PER_INCH = 72
_SAMPLED = 5
_SURE = 0.9
"""Confidence of lines that certainly do not stand on their heads."""
_LEAST_CONFIDENCE = 0.5
"""Below, a line is more often dirt, a drawing or a signature than text."""
_REQUESTS = 2
"""Lines that one page has read at once: alone, it keeps two cores busy."""


class OpenVinoEngine:
    """Reads one picture at a time with requests of its own on shared networks."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._detection: dict[tuple[int, int], Any] = {}
        self._recognition = [networks.recognition() for _ in range(_REQUESTS)]
        self._characters = networks.characters

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        """Recognise words; the network reads all its languages at once, so ``languages`` tells it nothing."""
        del languages
        samples = three_channels(picture.samples)
        quads = detect(samples, self._lines_of)
        downward = are_mostly_downward(quads)
        flipped = self._stand_on_their_heads(samples, quads)
        cuts = [_cut(samples, quad, flipped=flipped) for quad in quads]
        lines = [
            PlacedLine(quad, line, flipped)
            for quad, line in zip(quads, self._read_lines(cuts), strict=True)
            if line.confidence >= _LEAST_CONFIDENCE
        ]
        turn = int(downward) + 2 * int(flipped)
        slope, scale = skew(lines, turn), _POINTS_PER_INCH / picture.dpi
        ordered = in_reading_order(lines, turn, slope)
        return Recognition(tuple(word for line in ordered for word in line.words(scale)), NAME, turn, slope)

    def _stand_on_their_heads(self, samples: Samples, quads: Sequence[Quad]) -> bool:
        """Read the longest lines, and what is not sure once more upside down."""
        longest = sorted(quads, key=lambda quad: -max(extent(quad)))[:_SAMPLED]
        natural = _mean_confidence(self._read_lines([_cut(samples, quad, flipped=False) for quad in longest]))
        if natural >= _SURE or not longest:
            return False
        return natural < _mean_confidence(self._read_lines([_cut(samples, quad, flipped=True) for quad in longest]))

    def _lines_of(self, batch: Floats) -> Floats:
        canvas = batch.shape[2], batch.shape[3]
        if canvas not in self._detection:
            self._detection[canvas] = self._networks.detection(canvas)
        request = self._detection[canvas]
        fill(request, batch)
        request.infer()
        return np.array(request.get_output_tensor(0).data, np.float32)

    def _read_lines(self, cuts: Sequence[Samples]) -> list[ReadLine]:
        """Read lines, a few at once."""
        found: list[ReadLine] = []
        under_way: list[tuple[Any, float]] = []
        free = list(self._recognition)
        for cut in cuts:
            if not free:
                request, filled = under_way.pop(0)
                found.append(self._answer(request, filled))
                free.append(request)
            values, filled = network_input(cut)
            request = free.pop()
            fill(request, values)
            request.start_async()
            under_way.append((request, filled))
        return found + [self._answer(request, filled) for request, filled in under_way]

    def _answer(self, request: Any, filled: float) -> ReadLine:  # noqa: ANN401 - openvino has no types
        request.wait()
        return decoded(request.get_output_tensor(0).data[0], self._characters, filled)


def fill(request: Any, values: Floats) -> None:  # noqa: ANN401 - openvino has no types
    """Copy values into the memory that the request itself owns.

    Memory of the interpreter would be given back by whichever thread of OpenVINO is done with it, which needs the
    interpreter's lock for that: two threads could wait for each other for ever.
    """
    tensor = request.get_input_tensor(0)
    tensor.shape = values.shape
    tensor.data[:] = values


@contextmanager
def open_engine(networks: Networks) -> Iterator[OpenVinoEngine]:
    """Yield an engine for one thread."""
    yield OpenVinoEngine(networks)


def three_channels(samples: Samples) -> Samples:
    """Give a picture as the networks know them: blue, green, red."""
    kind = cv2.COLOR_GRAY2BGR if samples.shape[2] == 1 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(samples, kind), np.uint8)


def _cut(samples: Samples, quad: Quad, *, flipped: bool) -> Samples:
    cut = line_picture(samples, quad)
    return np.asarray(cv2.rotate(cut, cv2.ROTATE_180), np.uint8) if flipped else cut


def _mean_confidence(lines: Sequence[ReadLine]) -> float:
    return sum(line.confidence for line in lines) / len(lines) if lines else 0.0
