"""Knows whether the worker is starting, ready, draining or stopped, and which of its components answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import anyio
import structlog

from llamaparse_worker.errors import ModelsMisconfigured, WorkerError
from llamaparse_worker.wire import utc_now

log = structlog.get_logger()

Ping = Callable[[], Awaitable[str]]


class Phase(StrEnum):
    """The life of the worker. It only moves forward."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ComponentState:
    """The last answer of a component: its product and version, or why there was none."""

    up: bool
    detail: str
    checked_at: datetime
    refuses: bool = False
    """Whether it answers, but not to these settings: waiting does not help."""


class Health:
    """The state of this worker. Belongs to the event loop; nothing here waits."""

    def __init__(self, required: Iterable[str] = ()) -> None:
        """Begin in the phase starting; ``required`` names the components without which the worker is not ready."""
        self._phase = Phase.STARTING
        self._components: dict[str, ComponentState | None] = dict.fromkeys(required)

    @property
    def phase(self) -> Phase:
        """Where the worker stands in its life."""
        return self._phase

    @property
    def components(self) -> Mapping[str, ComponentState | None]:
        """The last answer of each component; None before the first."""
        return self._components

    def enter(self, phase: Phase) -> None:
        """Move on; a step backward is ignored, as a drain may begin before the start has ended."""
        order = list(Phase)
        if order.index(phase) > order.index(self._phase):
            self._phase = phase

    def answered(self, name: str, detail: str) -> None:
        """Record that a component answered."""
        self._record(name, ComponentState(up=True, detail=detail, checked_at=utc_now()))

    def failed(self, name: str, reason: str, *, refuses: bool = False) -> None:
        """Record that a component did not answer, or refuses the settings."""
        self._record(name, ComponentState(up=False, detail=reason, checked_at=utc_now(), refuses=refuses))

    def reasons(self) -> tuple[str, ...]:
        """Say why the worker is not ready; empty when it is. Names no address and no secret."""
        phase = () if self._phase is Phase.READY else (f"the worker is {self._phase}",)
        down = tuple(f"{name} {_lack(state)}" for name, state in self._components.items() if not (state and state.up))
        return phase + down

    def _record(self, name: str, state: ComponentState) -> None:
        before = self._components.get(name)
        self._components[name] = state
        if state.up and (before is None or not before.up):
            log.info("component.up", component=name, detail=state.detail)
        elif not state.up and (before is None or before.up):
            log.warning("component.down", component=name, reason=state.detail)


def _lack(state: ComponentState | None) -> str:
    if state is None:
        return "is not checked yet"
    return "refuses the settings" if state.refuses else "does not answer"


async def watch(health: Health, pings: Mapping[str, Ping], *, interval_s: float, limit_s: float = 5.0) -> None:
    """Ping all components side by side, then again ``interval_s`` seconds later, until cancelled."""
    while True:
        await check(health, pings, limit_s=limit_s)
        await anyio.sleep(interval_s)


async def check(health: Health, pings: Mapping[str, Ping], *, limit_s: float = 5.0) -> None:
    """Ping all components once, each for at most ``limit_s`` seconds."""
    async with anyio.create_task_group() as group:
        for name, ping in pings.items():
            group.start_soon(_check_one, health, name, ping, limit_s)


async def _check_one(health: Health, name: str, ping: Ping, limit_s: float) -> None:
    try:
        with anyio.fail_after(limit_s):
            health.answered(name, await ping())
    except TimeoutError:
        health.failed(name, f"no answer within {limit_s:g} s")
    except (WorkerError, OSError) as error:
        health.failed(name, str(error), refuses=isinstance(error, ModelsMisconfigured))
    except Exception as error:
        # What nobody expected of a component is no reason to end a worker that may go on.
        log.exception("component.internal_error", component=name)
        health.failed(name, f"an internal error: {type(error).__name__}")
