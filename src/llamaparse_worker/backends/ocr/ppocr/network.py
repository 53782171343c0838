"""What an engine with PP-OCR's models brings: the two networks, run on something that computes.

Everything before and after them is common: what they are given, and what is made of their answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.ocr.engine import Samples

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Path:
    """The most likely sign at each step along a line: its place among the network's signs, and how likely it is."""

    signs: npt.NDArray[np.int64]
    likelihoods: Floats


def normalised(picture: Samples) -> Floats:
    """Give a picture, shape (h, w, 3), as the models take it: shape (3, h, w), -1 for black to 1 for white."""
    return np.ascontiguousarray((picture.astype(np.float32) * np.float32(2 / 255) - 1).transpose(2, 0, 1))


class Network(Protocol):
    """The networks in the hands of one thread. Memory of a given or yielded array is not kept by the other side."""

    @property
    def signs(self) -> Sequence[str]:
        """What each place of a ``Path`` stands for; the first one for nothing."""
        ...

    def find(self, canvas: Samples) -> Floats:
        """Give for each pixel of a canvas, shape (h, w, 3), how likely text is there, shape (h, w)."""
        ...

    def read(self, lines: Iterable[Floats]) -> Iterator[Path]:
        """Read lines, each of shape (1, 3, 48, w), in order; how many are computed at once is up to the network."""
        ...
