"""A provider with a quota on a virtual clock, and what a pace makes of it; no event loop is needed for that."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from llamaparse_worker.throttle.pace import Pace, Start

_TOKENS = 2700
_LATENCY_S, _LATENCY_SPREAD = 8.0, 0.4
_REFUSAL_S = 0.1


class Provider:
    """Admits calls by a token bucket of so many tokens a minute, and tells how long to wait, in whole seconds."""

    def __init__(self, per_minute: float, *, burst_s: float) -> None:
        self._rate = per_minute / 60
        self._burst_s = burst_s
        self._level = self._rate * burst_s
        self._at = 0.0

    def change(self, now: float, per_minute: float) -> None:
        """Have another quota from now on."""
        self._fill(now)
        self._rate = per_minute / 60
        self._level = min(self._level, self._rate * self._burst_s)

    def refusal(self, now: float, tokens: float) -> float | None:
        """Take a call; gives the seconds to wait where it is refused."""
        self._fill(now)
        if self._level < tokens:
            return float(math.ceil((tokens - self._level) / self._rate))
        self._level -= tokens
        return None

    def _fill(self, now: float) -> None:
        self._level = min(self._rate * self._burst_s, self._level + self._rate * (now - self._at))
        self._at = now


@dataclass(slots=True)
class Course:
    """What has happened: calls, refusals, and the tokens of each answer by its time."""

    calls: int = 0
    refused: int = 0
    answers: list[tuple[float, float]] = field(default_factory=list)

    @property
    def refused_share(self) -> float:
        """Refusals among all calls."""
        return self.refused / self.calls

    def per_minute(self, start: float, end: float) -> float:
        """Give the tokens of answers a minute in a span of time."""
        return sum(tokens for at, tokens in self.answers if start < at <= end) * 60 / (end - start)


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    at: float
    number: int
    start: Start | None = field(compare=False, default=None)
    pause_s: float | None = field(compare=False, default=None)
    quota: float | None = field(compare=False, default=None)


def course(
    provider: Provider,
    pace: Pace,
    *,
    calls: int,
    until: float,
    changes: Sequence[tuple[float, float]] = (),
    seed: int = 0,
) -> Course:
    """Let so many calls wait from the start on; ``changes`` are times with the quota from then on."""
    return _Run(provider, pace, Random(seed), calls).run(until, changes)


class _Run:
    def __init__(self, provider: Provider, pace: Pace, random: Random, waiting: int) -> None:
        self._provider = provider
        self._pace = pace
        self._random = random
        self._waiting = waiting
        self._running = 0
        self._wake_at = math.inf
        self._events: list[_Event] = []
        self._numbers = itertools.count()
        self._course = Course()

    def run(self, until: float, changes: Sequence[tuple[float, float]]) -> Course:
        for at, quota in changes:
            self._add(at, quota=quota)
        self._start_what_may(0.0)
        while self._events and self._events[0].at < until:
            event = heapq.heappop(self._events)
            if event.quota is not None:
                self._provider.change(event.at, event.quota)
            elif event.start is not None:
                self._end(event.at, event.start, event.pause_s)
            elif event.at == self._wake_at:
                self._wake_at = math.inf
            self._start_what_may(event.at)
        return self._course

    def _end(self, now: float, start: Start, pause_s: float | None) -> None:
        if pause_s is None:
            self._pace.answered(self._running)
            self._course.answers.append((now, start.tokens))
        else:
            self._pace.refused(now, start, pause_s=pause_s)
            self._course.refused += 1
            self._waiting += 1
        self._running -= 1

    def _start_what_may(self, now: float) -> None:
        while self._waiting and self._running < self._pace.at_once:
            if (opens_at := self._pace.opens_at(now)) > now:
                self._wake(min(opens_at, now + 1))
                return
            start = self._pace.started(now, _TOKENS * self._random.uniform(0.6, 1.4))
            self._course.calls += 1
            self._waiting -= 1
            self._running += 1
            pause_s = self._provider.refusal(now, start.tokens)
            latency = _LATENCY_S * math.exp(self._random.gauss(0, _LATENCY_SPREAD)) if pause_s is None else _REFUSAL_S
            self._add(now + latency, start=start, pause_s=pause_s)

    def _wake(self, at: float) -> None:
        if at < self._wake_at:
            self._wake_at = at
            self._add(at)

    def _add(
        self, at: float, *, start: Start | None = None, pause_s: float | None = None, quota: float | None = None
    ) -> None:
        heapq.heappush(self._events, _Event(at, next(self._numbers), start, pause_s, quota))
