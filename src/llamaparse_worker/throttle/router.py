"""Brings every call to a deployment that may take it: in a fair order, by priority, and elsewhere when one fails.

A call waits in the lane of those that may go to the same deployments. Whenever something ends, or a pause is over, the
lanes are looked through for the call whose turn it is and that a gate lets through. A refused call goes back to its
place with its slot given up meanwhile, so that it blocks nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import structlog

from llamaparse_worker.interfaces.genai import GenAi
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import CallFailed, FailureKind, GenAiAnswer, GenAiRequest
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.fair import FairClock, FairQueue
from llamaparse_worker.throttle.gate import NEVER, Gate, Pass
from llamaparse_worker.throttle.tally import RouterUse

_TRIES_OF_A_BROKEN_ONE = 2
_LONGEST_SLEEP_S = 1.0
"""Paces rise while nothing happens."""
_ITS_OWN_FAULT = {FailureKind.CONTEXT, FailureKind.BAD_REQUEST}
"""The question cannot be answered as it is, by nobody."""
_OUTAGE = {FailureKind.SERVER, FailureKind.OVERLOADED}
"""What passes by itself."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """On whose behalf a call is made."""

    mode: ModeName
    flow: str
    """The document; flows share what there is."""
    tokens: float
    """What the call may cost, question and answer together."""
    images: bool = False
    timeout_s: float = 300.0
    """Seconds for one try."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, who gave it, and what failed before."""

    answer: GenAiAnswer
    deployment: Deployment
    failures: tuple[CallFailed, ...] = ()

    @property
    def cost(self) -> float | None:
        """What the answer has cost, where the price of its deployment is known."""
        price = self.deployment.price
        return None if price is None else price.of(self.answer.usage)


class NobodyToAsk(Exception):
    """No deployment is configured that may take the call."""


@dataclass(frozen=True, slots=True)
class Route:
    """A deployment and the gate before it."""

    model: GenAi
    gate: Gate

    @property
    def deployment(self) -> Deployment:
        """Whom the route leads to."""
        return self.model.deployment


@dataclass(slots=True, eq=False)
class _Call:
    """A call that is under way through the router."""

    errand: Errand
    routes: tuple[Route, ...]
    """Those that it may still go to."""
    tag: float
    failures: list[CallFailed] = field(default_factory=list)
    broke: Counter[str] = field(default_factory=Counter)
    """How often it has failed at a deployment since it last waited for all of them."""
    turn: anyio.Event = field(default_factory=anyio.Event)
    granted: tuple[Route, Pass] | None = None


@dataclass(slots=True)
class _Lane:
    """Calls of one mode that may go to the same deployments."""

    mode: ModeName
    routes: tuple[Route, ...]
    calls: FairQueue[_Call] = field(default_factory=FairQueue)


class Router:
    """Asks models on behalf of all documents. Use it within ``open_router``.

    Args:
        routes: the deployments that there are, each with its gate.
        caps: how many calls of a mode may run at once.
        preferred: the model that a mode asks before all others, by any of its names.
    """

    def __init__(
        self, routes: Sequence[Route], caps: Mapping[ModeName, int], preferred: Mapping[ModeName, str] | None = None
    ) -> None:
        self._preferred = {
            (mode, route.deployment.id)
            for mode, name in (preferred or {}).items()
            for route in routes
            if route.deployment.is_called(name)
        }
        self._routes = tuple(sorted(routes, key=lambda route: -route.deployment.priority))
        self._caps = caps
        self._running = dict.fromkeys(caps, 0)
        self._clock = FairClock()
        self._lanes: dict[tuple[ModeName, tuple[str, ...]], _Lane] = {}
        self._changed = anyio.Event()

    def works(self, mode: ModeName) -> bool:
        """Tell whether calls of a mode can be expected to be answered now."""
        now = anyio.current_time()
        return any(route.gate.works(now) for route in self._able(mode, images=False))

    def deployments(self, mode: ModeName, *, images: bool) -> tuple[Deployment, ...]:
        """Give whom calls of a mode may reach, with images or without, the preferred first."""
        return tuple(route.deployment for route in self._able(mode, images=images))

    def waiting(self) -> int:
        """Count the calls that wait for their turn."""
        return sum(len(lane.calls) for lane in tuple(self._lanes.values()))

    def use(self) -> RouterUse:
        """Give what is known of all calls so far; safe to call from any thread."""
        return RouterUse(self.waiting(), tuple(route.gate.use() for route in self._routes))

    async def ask(self, request: GenAiRequest, errand: Errand) -> Answered:
        """Have a request answered, however long it takes; bounded by the cancellation of the caller.

        Raises:
            CallFailed: every deployment that may take it has failed with it, or none ever will take it.
            NobodyToAsk: there is none.
        """
        call = _Call(errand, self._eligible(errand), self._clock.tag(errand.flow, errand.tokens))
        while True:
            route, held = await self._turn(call)
            try:
                answer = await route.model.ask(request, timeout_s=errand.timeout_s)
            except CallFailed as error:
                route.gate.failed(anyio.current_time(), held, error.failure)
                self._note(call, route, error)
            except BaseException:
                route.gate.gave_up()
                raise
            else:
                route.gate.answered(anyio.current_time(), held, answer)
                return Answered(answer, route.deployment, tuple(call.failures))
            finally:
                self._left(errand.mode)

    async def keep_moving(self) -> None:
        """Let calls through when pauses end; runs until it is cancelled."""
        while True:
            changed = self._changed = anyio.Event()
            sleep_s = min(self._dispatch() - anyio.current_time(), _LONGEST_SLEEP_S)
            with anyio.move_on_after(max(0.0, sleep_s)):
                await changed.wait()

    def _able(self, mode: ModeName, *, images: bool) -> list[Route]:
        able = (
            route
            for route in self._routes
            if (mode is ModeName.BALANCED or not route.deployment.text_only)
            and (route.deployment.profile.images or not images)
        )
        return sorted(able, key=lambda route: not self._is_preferred(route, mode))

    def _is_preferred(self, route: Route, mode: ModeName) -> bool:
        return (mode, route.deployment.id) in self._preferred

    def _eligible(self, errand: Errand) -> tuple[Route, ...]:
        """Give the deployments for an errand; what would go to one in the EU first goes nowhere else."""
        able = self._able(errand.mode, images=errand.images)
        if not able:
            raise NobodyToAsk(f"no deployment for the mode {errand.mode}")
        return tuple(route for route in able if route.deployment.in_eu or not able[0].deployment.in_eu)

    async def _turn(self, call: _Call) -> tuple[Route, Pass]:
        lane = self._line_up(call)
        self._dispatch()
        try:
            await call.turn.wait()
        except BaseException:
            if call.granted is None:
                lane.calls.remove(call)
            else:
                call.granted[0].gate.gave_up()
                self._left(call.errand.mode)
            raise
        return _granted(call)

    def _line_up(self, call: _Call) -> _Lane:
        key = call.errand.mode, tuple(route.deployment.id for route in call.routes)
        lane = self._lanes.setdefault(key, _Lane(call.errand.mode, call.routes))
        call.turn, call.granted = anyio.Event(), None
        lane.calls.push(call.tag, call)
        return lane

    def _left(self, mode: ModeName) -> None:
        self._running[mode] -= 1
        self._dispatch()
        self._changed.set()

    def _dispatch(self) -> float:
        """Let through whatever may start; gives the time when something else may, ``NEVER`` if that needs an end."""
        now = anyio.current_time()
        while True:
            opens_at = NEVER
            turn: tuple[float, _Lane, Route] | None = None
            for lane in self._lanes.values():
                if not lane.calls or self._running[lane.mode] >= self._caps[lane.mode]:
                    continue
                tag, call = lane.calls.first()
                at, route = self._first_open(lane, now, call.errand.tokens)
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

    def _first_open(self, lane: _Lane, now: float, tokens: float) -> tuple[float, Route]:
        """Give the route to take now, or the one that opens first: by preference, priority, then free slots."""
        at = [(route.gate.opens_at(now, tokens), route) for route in lane.routes]
        open_now = [route for opens_at, route in at if opens_at <= now]
        if not open_now:
            return min(at, key=lambda pair: pair[0])

        def rank(route: Route) -> tuple[bool, int, int]:
            preferred = self._is_preferred(route, lane.mode)
            return preferred, route.deployment.priority, route.gate.at_once - route.gate.running

        return now, max(open_now, key=rank)

    def _grant(self, call: _Call, route: Route, now: float) -> None:
        self._running[call.errand.mode] += 1
        call.granted = route, route.gate.enter(now, call.errand.tokens)
        call.turn.set()

    def _calm(self, now: float) -> None:
        wanted = {route.deployment.id for lane in self._lanes.values() if lane.calls for route in lane.routes}
        for route in self._routes:
            if route.deployment.id not in wanted:
                route.gate.unwanted(now)

    def _note(self, call: _Call, route: Route, error: CallFailed) -> None:
        """Decide which deployments a call may go to after a failure.

        Raises:
            CallFailed: none is left.
        """
        kind = error.failure.kind
        log.warning("genai.call_failed", deployment=error.deployment_id, kind=kind, error=error.failure.message)
        call.failures.append(error)
        call.broke[error.deployment_id] += 1
        call.routes = self._left_to(call, route, kind)
        if call.routes:
            return
        now, everywhere = anyio.current_time(), self._eligible(call.errand)
        if kind not in _OUTAGE or any(other.gate.works(now) for other in everywhere):
            raise error
        call.broke.clear()
        call.routes = everywhere  # nobody works: the call waits with all others

    def _left_to(self, call: _Call, route: Route, kind: FailureKind) -> tuple[Route, ...]:
        if kind in _ITS_OWN_FAULT:
            return ()
        if kind is FailureKind.RATE_LIMIT:
            return call.routes
        if kind is FailureKind.SERVER and call.broke[route.deployment.id] < _TRIES_OF_A_BROKEN_ONE:
            return call.routes
        if kind is FailureKind.FILTER:
            return tuple(other for other in call.routes if other.deployment.family is not route.deployment.family)
        return tuple(other for other in call.routes if other is not route)


def _granted(call: _Call) -> tuple[Route, Pass]:
    if call.granted is None:
        raise RuntimeError("a call had its turn and no route")
    return call.granted


@asynccontextmanager
async def open_router(
    routes: Sequence[Route], caps: Mapping[ModeName, int], preferred: Mapping[ModeName, str] | None = None
) -> AsyncIterator[Router]:
    """Yield a router that lets calls through by itself."""
    router = Router(routes, caps, preferred)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(router.keep_moving)
        yield router
        tasks.cancel_scope.cancel()
