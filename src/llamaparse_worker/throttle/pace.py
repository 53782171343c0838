"""How fast one deployment is called, learned from what it refuses.

Nobody tells the quota of a provider, and it changes. Until the first refusal only the number of calls at once is
bounded; it grows with each answer, so that it doubles with each latency (slow start: Jacobson, "Congestion avoidance
and control", 1988). A refusal tells the quota: it is what was admitted over the last seconds. From then on calls are
paced at that rate in tokens a second, which also spreads them for providers that look at single seconds. The rate is
held for a while and then rises faster and faster, until something is refused again, as the windows of CUBIC do (Ha,
Rhee, Xu, "CUBIC: a new TCP-friendly high-speed TCP variant", 2008): a quota eight times as large is in full use within
half a minute, and a steady one is met by about two refusals in a hundred calls.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

START = 32
"""Calls at once before anything is known."""
_BUSY_SHARE = 0.8
"""Of the calls that may run at once, how many must run for an answer to say that more could."""
_KEPT_SHARE = 0.98
"""Of what was admitted lately; a little less, so that a bucket at the provider fills again."""
_DECREASE = 0.9
_STEEPEST_DECREASE = 0.5
_DECREASE_EVERY_S = 1.0
_MEASURED_S = 15.0
_HELD_S = 4.0
_DOUBLED_S = 8.0
"""Seconds after ``_HELD_S`` until the rate has doubled; then it doubles twice as fast."""
_MOST_DOUBLINGS = 64
_SLOWEST_S = 10.0
"""A call of the usual size starts at least this often, whatever was measured."""
_PROBE_S = 0.5
"""How long one call goes ahead when a pause is over: a refusal comes at once, an answer much later."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A call that has started: when, and the tokens that it may cost."""

    at: float
    tokens: float


class Pace:
    """The pace of one deployment. ``now`` is any clock in seconds that does not go back.

    Args:
        most: how many calls may ever run at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._at_once = float(min(START, most))
        self._admitted: deque[Start] = deque()
        self._since: float | None = None
        self._rate: float | None = None
        self._refused_at = float("-inf")
        self._held_from = float("-inf")
        self._closed_until = float("-inf")
        self._paused = False
        self._last: Start | None = None

    @property
    def at_once(self) -> int:
        """How many calls may run at once."""
        return int(self._at_once)

    def rate(self, now: float) -> float | None:
        """Give the tokens a second that calls are paced at; None before the first refusal."""
        if self._rate is None:
            return None
        rising = max(0.0, now - self._held_from - _HELD_S) / _DOUBLED_S
        return float(self._rate * 2 ** (rising**2 if rising < 1 else min(_MOST_DOUBLINGS, 2 * rising - 1)))

    def opens_at(self, now: float) -> float:
        """Tell when the next call may start; in the past if it may now."""
        rate, last = self.rate(now), self._last
        if rate is None or last is None:
            return self._closed_until
        return max(self._closed_until, last.at + last.tokens / rate)

    def started(self, now: float, tokens: float) -> Start:
        """Take note of a call that starts."""
        rate, last = self.rate(now), self._last
        if rate is not None and last is not None and now - last.at > 2 * last.tokens / rate:
            self.idle(now)  # something else holds calls back
        self._since = now if self._since is None else self._since
        self._last = Start(now, tokens)
        self._admitted.append(self._last)
        self._forget_old(now)
        if self._paused:
            self._paused = False
            self._closed_until = now + _PROBE_S
        return self._last

    def answered(self, running: int) -> None:
        """Take note of an answer, with the number of calls that ran until then: more may run if as many as may did."""
        if running >= _BUSY_SHARE * self._at_once:
            self._at_once = min(float(self._most), self._at_once + 1)

    def refused(self, now: float, start: Start, *, pause_s: float) -> None:
        """Take note of a refusal, and of the pause that was asked for."""
        if start in self._admitted:
            self._admitted.remove(start)
        if now - self._refused_at >= _DECREASE_EVERY_S:
            self._rate = max(self._lower_rate(now), start.tokens / _SLOWEST_S)
            self._refused_at = self._held_from = now
        self._closed_until = max(self._closed_until, now + pause_s)
        self._paused = True

    def idle(self, now: float) -> None:
        """Say that nothing waits for this deployment: a rate that nobody uses does not rise."""
        if self._rate is not None:
            self._rate = self.rate(now)
            self._held_from = now

    def _lower_rate(self, now: float) -> float:
        self._forget_old(now)
        since = now if self._since is None else self._since
        span = min(_MEASURED_S, max(1.0, now - since))
        admitted = _KEPT_SHARE * sum(start.tokens for start in self._admitted) / span
        rate = self.rate(now)
        return admitted if rate is None else min(_DECREASE * rate, max(admitted, _STEEPEST_DECREASE * rate))

    def _forget_old(self, now: float) -> None:
        while self._admitted and self._admitted[0].at < now - _MEASURED_S:
            self._admitted.popleft()
