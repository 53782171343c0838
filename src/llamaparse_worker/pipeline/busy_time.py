"""How long something was going on, however often at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class BusyTime:
    """Adds up the time in which at least one block was running; belongs to one event loop."""

    def __init__(self) -> None:
        self._running = 0
        self._since = 0.0
        self._ended_s = 0.0

    @property
    def seconds(self) -> float:
        """The time so far, without the stretch that has not ended."""
        return self._ended_s

    @contextmanager
    def block(self) -> Iterator[None]:
        """Count the block, also when it fails."""
        if self._running == 0:
            self._since = time.perf_counter()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._ended_s += time.perf_counter() - self._since
