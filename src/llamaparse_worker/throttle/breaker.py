"""Whether a deployment that fails is asked at all (Nygard, "Release It!", 2007: circuit breaker)."""

from __future__ import annotations

from collections import deque

_IN_A_ROW = 5
_LEAST_CALLS, _FAILING_SHARE, _WINDOW_S = 5, 0.5, 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 60.0
_SHUT_S = 60.0
"""How long a deployment that refuses whatever it is asked is left alone: every try fails until somebody acts."""


class Breaker:
    """Opens after five failures in a row, or when more than half of at least five calls of the last minute failed.

    Open for five seconds, doubled up to a minute each time that the one call that tries it then fails as well. A
    failure that every call would meet opens it at once, for a minute.
    """

    def __init__(self) -> None:
        self._calls: deque[tuple[float, bool]] = deque()
        self._in_a_row = 0
        self._open_until: float | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._trying = False
        self._shut = False

    @property
    def is_open(self) -> bool:
        """Whether the deployment counts as failing, also while one call tries it."""
        return self._open_until is not None

    @property
    def is_shut(self) -> bool:
        """Whether it is open for a failure that every call would meet."""
        return self._shut

    def wants_probe(self, now: float) -> bool:
        """Tell whether only a call can say that the deployment works again, and none is on its way."""
        return self.is_open and not self._trying and (not self._shut or now >= self.opens_at())

    def opens_at(self) -> float:
        """Tell when a call may start: in the past where it may, infinitely late while another one tries."""
        if self._trying:
            return float("inf")
        return float("-inf") if self._open_until is None else self._open_until

    def started(self) -> None:
        """Take note of a call that starts; while the breaker is open it is the one that tries."""
        self._trying = self.is_open

    def gave_up(self) -> None:
        """Take note of a call that ended without telling anything of the deployment."""
        self._trying = False

    def succeeded(self, now: float) -> None:
        """Take note of an answer, of whatever kind."""
        self._note(now, failed=False)
        self._in_a_row = 0
        if self._shut and not self._trying:
            return  # it was asked before
        self._trying = self._shut = False
        if self.is_open:
            self._open_until = None
            self._pause_s = _FIRST_PAUSE_S
            self._calls.clear()

    def failed(self, now: float) -> None:
        """Take note of a failure of the deployment."""
        self._note(now, failed=True)
        self._in_a_row += 1
        if self._trying:
            self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s)
            self._open_until = now + self._pause_s
            self._trying = self._shut = False
        elif not self.is_open and (self._in_a_row >= _IN_A_ROW or self._mostly_fails()):
            self._open_until = now + self._pause_s

    def refused(self, now: float) -> None:
        """Take note of a failure that every call would meet, such as one of the key."""
        self._open_until = now + _SHUT_S
        self._trying, self._shut = False, True

    def _note(self, now: float, *, failed: bool) -> None:
        self._calls.append((now, failed))
        while self._calls[0][0] < now - _WINDOW_S:
            self._calls.popleft()

    def _mostly_fails(self) -> bool:
        failures = sum(failed for _, failed in self._calls)
        return len(self._calls) >= _LEAST_CALLS and failures > _FAILING_SHARE * len(self._calls)
