"""The calls that wait, and which of them is next.

A call waits in the lane of those that may go to the same deployments. The lanes are looked through for the call whose
turn it is and that a gate lets through; so none that cannot go holds up another that can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from llamaparse_worker.model.genai import CallFailed
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.choice import Choice
from llamaparse_worker.throttle.errand import Errand, Route
from llamaparse_worker.throttle.fair import FairClock, FairQueue
from llamaparse_worker.throttle.gate import NEVER, Pass


@dataclass(slots=True, eq=False)
class Call:
    """A call that is under way."""

    errand: Errand
    routes: tuple[Route, ...]
    """Those that it may still go to."""
    tag: float
    """Its place among all that wait."""
    failures: list[CallFailed] = field(default_factory=list)
    broke: Counter[str] = field(default_factory=Counter)
    """How often it has failed at a deployment since it last waited for all of them."""
    turn: anyio.Event = field(default_factory=anyio.Event)
    granted: tuple[Route, Pass] | None = None
    """Whom it may ask, once its turn has come; None then: it was sent away."""


@dataclass(slots=True)
class _Lane:
    """Calls of one mode that may go to the same deployments."""

    mode: ModeName
    routes: tuple[Route, ...]
    calls: FairQueue[Call] = field(default_factory=FairQueue)


class Lanes:
    """All calls that wait, in a fair order, and how many of each mode run.

    Args:
        choice: the deployments.
        caps: how many calls of a mode may run at once.
    """

    def __init__(self, choice: Choice, caps: Mapping[ModeName, int]) -> None:
        self._choice = choice
        self._caps = caps
        self._running = dict.fromkeys(caps, 0)
        self._clock = FairClock()
        self._lanes: dict[tuple[ModeName, tuple[str, ...]], _Lane] = {}

    def __len__(self) -> int:
        return sum(len(lane.calls) for lane in tuple(self._lanes.values()))

    def call(self, errand: Errand, routes: tuple[Route, ...]) -> Call:
        """Give a new call its place."""
        return Call(errand, routes, self._clock.tag(errand.flow, errand.tokens))

    def line_up(self, call: Call) -> None:
        """Have a call wait for its turn, at its place."""
        call.turn, call.granted = anyio.Event(), None
        self._lane(call).calls.push(call.tag, call)

    def withdraw(self, call: Call) -> None:
        """Let a call wait no longer."""
        self._lane(call).calls.remove(call)

    def ended(self, mode: ModeName) -> None:
        """Take note of a call that runs no longer."""
        self._running[mode] -= 1

    def send_away(self, mode: ModeName) -> None:
        """Wake all calls of a mode without granting them anything."""
        for lane in self._lanes.values():
            while lane.mode is mode and lane.calls:
                lane.calls.pop().turn.set()

    def let_through(self, now: float) -> float:
        """Let through whatever may start; gives the time when something else may, ``NEVER`` if that needs an end."""
        while True:
            opens_at = NEVER
            turn: tuple[float, _Lane, Route] | None = None
            for lane in self._lanes.values():
                if not lane.calls or self._running[lane.mode] >= self._caps[lane.mode]:
                    continue
                tag, call = lane.calls.first()
                at, route = self._choice.first_open(lane.mode, lane.routes, now, call.errand.tokens)
                if at > now:
                    opens_at = min(opens_at, at)
                elif turn is None or tag < turn[0]:
                    turn = tag, lane, route
            if turn is None:
                self._calm(now)
                return opens_at
            tag, lane, route = turn
            self._grant(lane.calls.pop(), route, now)
            self._clock.reached(tag)

    def _lane(self, call: Call) -> _Lane:
        mode = call.errand.mode
        return self._lanes.setdefault(
            (mode, tuple(route.deployment.id for route in call.routes)), _Lane(mode, call.routes)
        )

    def _grant(self, call: Call, route: Route, now: float) -> None:
        self._running[call.errand.mode] += 1
        call.granted = route, route.gate.enter(now, call.errand.tokens)
        call.turn.set()

    def _calm(self, now: float) -> None:
        wanted = {route.deployment.id for lane in self._lanes.values() if lane.calls for route in lane.routes}
        for route in self._choice.routes:
            if route.deployment.id not in wanted:
                route.gate.unwanted(now)
