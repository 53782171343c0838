"""Measures how late the event loop runs its timers: the delay that every other task and probe sees too."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import anyio


class LoopLag:
    """Samples the lag of the running event loop. One object a loop."""

    def __init__(self, observe: Callable[[float], None], *, period_s: float = 0.05, window_s: float = 60.0) -> None:
        """Prepare sampling.

        Args:
            observe: Receives each lag in seconds.
            period_s: Time between two samples.
            window_s: How far back ``quantile`` looks.
        """
        self._observe = observe
        self._period_s = period_s
        self._window = max(1, round(window_s / period_s))
        self._recent: deque[float] = deque(maxlen=self._window)

    async def run(self) -> None:
        """Sample until cancelled."""
        due = time.monotonic() + self._period_s
        while True:
            await anyio.sleep(max(0.0, due - time.monotonic()))
            lag = max(0.0, time.monotonic() - due)
            self.late(lag)
            due += self._period_s * (lag // self._period_s + 1)

    def late(self, lag_s: float) -> None:
        """Take one measured lag.

        A long block hides the samples that were due meanwhile; each of them would have seen what was left of it.
        """
        lag = max(0.0, lag_s)
        for _ in range(self._window):
            self._recent.append(lag)
            self._observe(lag)
            lag -= self._period_s
            if lag <= 0:
                return

    def quantile(self, share: float) -> float:
        """Give the lag in seconds that ``share`` (0 to 1) of the recent samples stay within; 0 before the first."""
        ordered = sorted(self._recent)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
