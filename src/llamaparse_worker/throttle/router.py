"""Brings every call to a deployment that may take it: in a fair order, by priority, and elsewhere when one fails.

Whenever something ends, or a pause is over, whatever may start is let through. A refused call goes back to its place
with its slot given up meanwhile, so that it blocks nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio

from llamaparse_worker.errors import ModelsUnavailable
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import CallFailed, FailureKind, GenAiRequest
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.choice import Choice, left_after
from llamaparse_worker.throttle.errand import Answered, Errand, NobodyAnswers, NobodyToAsk, Route
from llamaparse_worker.throttle.gate import Pass
from llamaparse_worker.throttle.lanes import Call, Lanes
from llamaparse_worker.throttle.outage import outage
from llamaparse_worker.throttle.tally import RouterUse
from llamaparse_worker.throttle.tries import probed, tell, tried

_LONGEST_SLEEP_S = 1.0
"""Paces rise while nothing happens."""
_PATIENCE_S = 20.0
"""How long calls wait while every deployment that could take them fails."""
_PROBE_EVERY_S = 10.0
_OUTAGE = {FailureKind.SERVER, FailureKind.OVERLOADED}
"""What passes by itself."""


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
        self._choice = Choice(routes, preferred or {})
        self._lanes = Lanes(self._choice, caps)
        self._modes = tuple(caps)
        self._patience_s = patience_s
        self._down_since: dict[ModeName, float] = {}
        self._changed = anyio.Event()

    def outage(self, mode: ModeName) -> ModelsUnavailable | None:
        """Give the error of jobs of a mode whose calls cannot be expected to be answered now; None where they can."""
        if mode is ModeName.FAST:
            return None
        return outage(mode, self._choice.open_to(mode, images=mode is not ModeName.BALANCED))

    def deployments(self, mode: ModeName, *, images: bool) -> tuple[Deployment, ...]:
        """Give whom calls of a mode may reach, with images or without, the preferred first."""
        return tuple(route.deployment for route in self._choice.able(mode, images=images))

    def waiting(self) -> int:
        """Count the calls that wait for their turn."""
        return len(self._lanes)

    def use(self) -> RouterUse:
        """Give what is known of all calls so far; safe to call from any thread."""
        return RouterUse(self.waiting(), tuple(route.gate.use() for route in self._choice.routes))

    async def ask(self, request: GenAiRequest, errand: Errand) -> Answered:
        """Have a request answered, however long it takes; bounded by the cancellation of the caller.

        Raises:
            CallFailed: every deployment that may take it has failed with it alone, or none ever will take it.
            NobodyToAsk: there is none.
            NobodyAnswers: all fail, and have done so for too long.
        """
        call = self._lanes.call(errand, self._eligible(errand))
        while True:
            route, held = await self._turn(call)
            try:
                answer = await tried(route, held, request, errand.timeout_s)
                return Answered(answer, route.deployment, tuple(call.failures))
            except CallFailed as error:
                failed = error
                _note(call, route, error)
            finally:
                self._ended(errand.mode)
            if not call.routes:
                await self._wait_for_better_times(call, failed)

    async def keep_moving(self) -> None:
        """Let calls through when pauses end; runs until it is cancelled."""
        while True:
            changed = self._changed = anyio.Event()
            self._lose_patience()
            now = anyio.current_time()
            sleep_s = min(self._lanes.let_through(now) - now, _LONGEST_SLEEP_S)
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
                for route in self._choice.routes:
                    if route.gate.wants_probe(now):
                        probes.start_soon(self._probe, route)

    async def _probe(self, route: Route) -> bool:
        try:
            return await probed(route)
        finally:
            self._move()

    def _lose_patience(self) -> None:
        """Send away the calls of modes that have been down for too long."""
        now = anyio.current_time()
        for mode in self._modes:
            if self.outage(mode) is None:
                self._down_since.pop(mode, None)
            elif now - self._down_since.setdefault(mode, now) >= self._patience_s:
                self._lanes.send_away(mode)

    def _eligible(self, errand: Errand) -> tuple[Route, ...]:
        eligible = self._choice.open_to(errand.mode, images=errand.images)
        if not eligible:
            raise NobodyToAsk(f"no deployment for the mode {errand.mode}")
        return eligible

    async def _turn(self, call: Call) -> tuple[Route, Pass]:
        mode = call.errand.mode
        self._lanes.line_up(call)
        self._lanes.let_through(anyio.current_time())
        try:
            await call.turn.wait()
        except BaseException:
            if call.granted is None:
                self._lanes.withdraw(call)
            else:
                call.granted[0].gate.gave_up()
                self._ended(mode)
            raise
        if call.granted is None:
            raise NobodyAnswers(f"{self.outage(mode) or f'no model of the mode {mode} answered'}")
        return call.granted

    def _ended(self, mode: ModeName) -> None:
        self._lanes.ended(mode)
        self._move()

    def _move(self) -> None:
        self._lanes.let_through(anyio.current_time())
        self._changed.set()

    async def _wait_for_better_times(self, call: Call, error: CallFailed) -> None:
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


def _note(call: Call, route: Route, error: CallFailed) -> None:
    """Decide which deployments a call may go to after a failure."""
    tell("genai.call_failed", route, error)
    call.failures.append(error)
    call.broke[error.deployment_id] += 1
    times = call.broke[route.deployment.id]
    call.routes = left_after(route, error.failure.kind, call.routes, times=times)


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
