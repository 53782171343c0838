"""Lines of all pages in work, read together where they are equally wide.

There is no thread for it: the page that waits for a line reads a batch for all, while the others bring more lines. So a
batch holds what came while the one before was read, and nobody waits for a batch to fill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from llamaparse_worker.backends.ocr.ppocr.network import Floats, Path


@dataclass(slots=True, eq=False)
class Line:
    """A line that waits to be read, and what it says then, or why it was not read."""

    values: Floats
    outcome: Path | Exception | None = None

    @property
    def width(self) -> int:
        """Its bucket: the width that it was padded to."""
        return int(self.values.shape[3])


class Batches:
    """Reads lines of several threads; ``read`` takes a batch of equal widths, shape (n, 3, 48, w), n <= ``most``."""

    def __init__(self, read: Callable[[Floats], Sequence[Path]], most: int) -> None:
        self._read = read
        self._most = most
        self._waiting: defaultdict[int, list[Line]] = defaultdict(list)
        self._lists = Lock()
        self._reading = Lock()

    def add(self, values: Floats) -> Line:
        """Take a line, shape (1, 3, 48, w), to be read with others."""
        line = Line(values)
        with self._lists:
            self._waiting[line.width].append(line)
        return line

    def path_of(self, line: Line) -> Path:
        """Wait until a line is read, reading it here if nobody else does.

        Raises:
            Exception: what ``read`` raised for the batch that it was in.
        """
        while line.outcome is None:
            with self._reading:
                self._read_some(line)
        if isinstance(line.outcome, Exception):
            raise line.outcome
        return line.outcome

    def drop(self, lines: Iterable[Line]) -> None:
        """Forget lines that nobody waits for any more."""
        with self._lists:
            for line in lines:
                if line in self._waiting[line.width]:
                    self._waiting[line.width].remove(line)

    def _read_some(self, wanted: Line) -> None:
        """Read a batch of the width that is wanted, unless that line was read while this thread waited."""
        with self._lists:
            waiting = self._waiting[wanted.width] if wanted.outcome is None else []
            batch, waiting[: self._most] = waiting[: self._most], []
        if not batch:
            return
        try:
            outcomes: Sequence[Path | Exception] = self._read(np.concatenate([line.values for line in batch]))
        except Exception as error:  # noqa: BLE001 - every page of the batch hears of it
            outcomes = [error] * len(batch)
        for line, outcome in zip(batch, outcomes, strict=True):
            line.outcome = outcome
