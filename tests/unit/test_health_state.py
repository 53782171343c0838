from __future__ import annotations

import time

import anyio
import pytest

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.worker.health import Health, Phase, check, watch

pytestmark = pytest.mark.anyio


async def answers() -> str:
    return "RabbitMQ 3.13"


async def is_away() -> str:
    raise BackendUnavailable("amqp://secret@host refused")


def test_a_worker_is_not_ready_before_its_start_has_ended() -> None:
    health = Health()
    assert health.reasons() == ("the worker is starting",)
    health.enter(Phase.READY)
    assert health.reasons() == ()


def test_a_required_component_counts_as_missing_until_it_has_answered() -> None:
    health = Health(["broker"])
    health.enter(Phase.READY)
    assert health.reasons() == ("broker is not checked yet",)
    health.answered("broker", "RabbitMQ")
    assert health.reasons() == ()


def test_a_drain_that_begins_during_the_start_is_not_undone_by_its_end() -> None:
    health = Health()
    health.enter(Phase.DRAINING)
    health.enter(Phase.READY)
    assert health.phase is Phase.DRAINING


async def test_reasons_name_the_component_but_not_what_its_error_says() -> None:
    health = Health(["broker"])
    health.enter(Phase.READY)
    await check(health, {"broker": is_away})
    assert health.reasons() == ("broker does not answer",)
    state = health.components["broker"]
    assert state is not None
    assert "refused" in state.detail


async def test_a_silent_component_neither_blocks_the_check_nor_hides_the_others() -> None:
    health = Health(["broker", "jobs"])
    start = time.monotonic()
    await check(health, {"jobs": never_answers, "broker": answers}, limit_s=0.05)
    assert time.monotonic() - start < 1
    assert health.reasons() == ("the worker is starting", "jobs does not answer")


async def never_answers() -> str:
    await anyio.sleep_forever()
    raise AssertionError


async def test_readiness_returns_when_the_component_does() -> None:
    health = Health(["broker"])
    health.enter(Phase.READY)
    reasons = []
    recovered = anyio.Event()

    async def ping() -> str:
        reasons.append(health.reasons())
        if len(reasons) == 1:
            return await is_away()
        if len(reasons) == 3:
            recovered.set()
        return await answers()

    async with anyio.create_task_group() as group:

        async def watching() -> None:
            await watch(health, {"broker": ping}, interval_s=0.01)

        group.start_soon(watching)
        with anyio.fail_after(5):
            await recovered.wait()
        group.cancel_scope.cancel()
    assert reasons == [("broker is not checked yet",), ("broker does not answer",), ()]
