"""Engines of this process that fail in every way that a real one may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from threading import Event, Lock

from llamaparse_worker.backends.ocr.engine import Engine, Picture
from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word


class Fault(StrEnum):
    """What happens to a page."""

    NONE = "none"
    REFUSES = "refuses"
    """Says that this page cannot be read, and is fine itself."""
    RAISES = "raises"
    """Breaks."""
    RUBBISH = "rubbish"
    """Gives a box that is none."""
    HANGS = "hangs"
    """Does not come back before ``freed``."""


class FaultyEngines:
    """Opens engines that share a list of faults, one a page in the order of the calls; none when it is used up."""

    def __init__(self, faults: Sequence[Fault] = (), *, broken_starts: int = 0) -> None:
        self._faults = list(faults)
        self._broken_starts = broken_starts
        self._lock = Lock()
        self.freed = Event()
        self.opened = 0
        self._open = 0
        self.all_closed = Event()

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """Open an engine; the first ``broken_starts`` fail."""
        with self._lock:
            self.opened += 1
            if self.opened <= self._broken_starts:
                raise RuntimeError("no engine")
            self._open += 1
        try:
            yield _FaultyEngine(self)
        finally:
            with self._lock:
                self._open -= 1
                if not self._open:
                    self.all_closed.set()

    def next_fault(self) -> Fault:
        """Take the fault of the next page."""
        with self._lock:
            return self._faults.pop(0) if self._faults else Fault.NONE


class _FaultyEngine:
    def __init__(self, shared: FaultyEngines) -> None:
        self._shared = shared

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        del languages
        height, width = picture.samples.shape[:2]
        box = Box(0.0, 0.0, float(width), float(height))
        match self._shared.next_fault():
            case Fault.REFUSES:
                raise PageUnreadable("this page is not for me")
            case Fault.RAISES:
                raise RuntimeError("broken")
            case Fault.RUBBISH:
                box = Box(float("nan"), 0.0, -1.0, 0.0)
            case Fault.HANGS:
                self._shared.freed.wait()
            case Fault.NONE:
                pass
        return Recognition((Word(f"{width}x{height}", box),), "faulty")
