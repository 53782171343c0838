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

from llamaparse_worker.errors import ModelsUnavailable
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import CallFailed, FailureKind, GenAiAnswer, GenAiRequest
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.errand import Answered, Errand, NobodyAnswers, NobodyToAsk, Route
from llamaparse_worker.throttle.fair import FairClock, FairQueue
from llamaparse_worker.throttle.gate import NEVER, Pass
from llamaparse_worker.throttle.outage import outage
from llamaparse_worker.throttle.probe import PROBE, PROBE_TOKENS
from llamaparse_worker.throttle.tally import RouterUse

_TRIES_OF_A_BROKEN_ONE = 2
_LONGEST_SLEEP_S = 1.0
"""Paces rise while nothing happens."""
_PATIENCE_S = 20.0
"""How long calls wait while every deployment that could take them fails."""
_PROBE_EVERY_S, _PROBE_TIMEOUT_S = 10.0, 15.0
_ITS_OWN_FAULT = {FailureKind.CONTEXT, FailureKind.BAD_REQUEST}
"""The question cannot be answered as it is, by nobody."""
_OUTAGE = {FailureKind.SERVER, FailureKind.OVERLOADED}
"""What passes by itself."""
_FOR_THE_OPERATOR = {FailureKind.CONFIG, FailureKind.QUOTA_EXHAUSTED}

log = structlog.get_logger()


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
        patience_s: how long calls wait while every deployment of their mode fails.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        caps: Mapping[ModeName, int],
        preferred: Mapping[ModeName, str] | None = None,
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
        self._down_since: dict[ModeName, float] = {}
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

    def outage(self, mode: ModeName) -> ModelsUnavailable | None:
        """Give the error of jobs of a mode whose calls cannot be expected to be answered now; None where they can."""
        if mode is ModeName.FAST:
            return None
        return outage(mode, self._open_to(mode, images=mode is not ModeName.BALANCED))

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
            CallFailed: every deployment that may take it has failed with it alone, or none ever will take it.
            NobodyToAsk: there is none.
            NobodyAnswers: all fail, and have done so for too long.
        """
        call = _Call(errand, self._eligible(errand), self._clock.tag(errand.flow, errand.tokens))
        while True:
            route, held = await self._turn(call)
            try:
                answer = await _asked(route, held, request, errand.timeout_s)
                return Answered(answer, route.deployment, tuple(call.failures))
            except CallFailed as error:
                failed = error
                self._note(call, route, error)
            finally:
                self._left(errand.mode)
            if not call.routes:
                await self._wait_for_better_times(call, failed)

    async def keep_moving(self) -> None:
        """Let calls through when pauses end; runs until it is cancelled."""
        while True:
            changed = self._changed = anyio.Event()
            self._lose_patience()
            sleep_s = min(self._dispatch() - anyio.current_time(), _LONGEST_SLEEP_S)
            with anyio.move_on_after(max(0.0, sleep_s)):
                await changed.wait()

    async def keep_probing(self) -> None:
        """Ask deployments that fail whether they do so still; runs until it is cancelled.

        Where others serve their modes no call may come to them, and where none does all calls are sent away.
        """
        while True:
            await anyio.sleep(_PROBE_EVERY_S)
            now = anyio.current_time()
            async with anyio.create_task_group() as probes:
                for route in self._routes:
                    if route.gate.wants_probe(now):
                        probes.start_soon(self._probe, route)

    async def _probe(self, route: Route) -> bool:
        """Tell whether a deployment answers anything."""
        held = route.gate.enter(anyio.current_time(), PROBE_TOKENS)
        try:
            await _asked(route, held, PROBE, _PROBE_TIMEOUT_S)
        except CallFailed as error:
            _tell("genai.probe_failed", route, error)
            return error.failure.kind is FailureKind.RATE_LIMIT
        finally:
            self._dispatch()
            self._changed.set()
        log.info("genai.probe_answered", deployment=route.deployment.id)
        return True

    def _lose_patience(self) -> None:
        """Send away the calls of modes that have been down for too long."""
        now = anyio.current_time()
        for mode in self._caps:
            if self.outage(mode) is None:
                self._down_since.pop(mode, None)
            elif now - self._down_since.setdefault(mode, now) >= self._patience_s:
                for lane in self._lanes.values():
                    while lane.mode is mode and lane.calls:
                        lane.calls.pop().turn.set()

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
        """Give the deployments for an errand; what would go to one in the EU first goes nowhere else.

        Raises:
            NobodyToAsk: there is none.
        """
        eligible = self._open_to(errand.mode, images=errand.images)
        if not eligible:
            raise NobodyToAsk(f"no deployment for the mode {errand.mode}")
        return eligible

    def _open_to(self, mode: ModeName, *, images: bool) -> tuple[Route, ...]:
        able = self._able(mode, images=images)
        return tuple(route for route in able if route.deployment.in_eu or not able[0].deployment.in_eu)

    async def _turn(self, call: _Call) -> tuple[Route, Pass]:
        mode = call.errand.mode
        lane = self._line_up(call)
        self._dispatch()
        try:
            await call.turn.wait()
        except BaseException:
            if call.granted is None:
                lane.calls.remove(call)
            else:
                call.granted[0].gate.gave_up()
                self._left(mode)
            raise
        if call.granted is None:
            raise NobodyAnswers(f"{self.outage(mode) or f'no model of the mode {mode} answered'}")
        return call.granted

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
        """Decide which deployments a call may go to after a failure."""
        kind = error.failure.kind
        _tell("genai.call_failed", route, error)
        call.failures.append(error)
        call.broke[error.deployment_id] += 1
        call.routes = self._left_to(call, route, kind)

    async def _wait_for_better_times(self, call: _Call, error: CallFailed) -> None:
        """Have a call that has failed everywhere wait with all others, if others fail as well.

        Raises:
            CallFailed: it alone does, as a smaller question is answered.
        """
        everywhere = self._eligible(call.errand)
        if error.failure.kind not in _OUTAGE or await self._any_answers(everywhere):
            raise error
        call.broke.clear()
        call.routes = everywhere

    async def _any_answers(self, routes: Sequence[Route]) -> bool:
        return any([await self._probe(route) for route in routes if route.gate.works])

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


async def _asked(route: Route, held: Pass, request: GenAiRequest, timeout_s: float) -> GenAiAnswer:
    """Have a model answer, and tell its gate what came of it.

    Raises:
        CallFailed: there is no answer.
    """
    try:
        answer = await route.model.ask(request, timeout_s=timeout_s)
    except CallFailed as error:
        route.gate.failed(anyio.current_time(), held, error.failure)
        raise
    except BaseException:
        route.gate.gave_up()
        raise
    route.gate.answered(anyio.current_time(), held, answer)
    return answer


def _tell(event: str, route: Route, error: CallFailed) -> None:
    """Log a failure; loudly where it does not pass until somebody acts, and with the variables to look at."""
    kind, deployment = error.failure.kind, route.deployment
    if kind in _FOR_THE_OPERATOR:
        log.error(event, deployment=deployment.id, kind=kind, error=error.failure.message, settings=deployment.origin)
    else:
        log.warning(event, deployment=deployment.id, kind=kind, error=error.failure.message)


@asynccontextmanager
async def open_router(
    routes: Sequence[Route],
    caps: Mapping[ModeName, int],
    preferred: Mapping[ModeName, str] | None = None,
    *,
    patience_s: float = _PATIENCE_S,
) -> AsyncIterator[Router]:
    """Yield a router that lets calls through by itself, and finds out when deployments that fail work again."""
    router = Router(routes, caps, preferred, patience_s=patience_s)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(router.keep_moving)
        tasks.start_soon(router.keep_probing)
        yield router
        tasks.cancel_scope.cancel()
