"""Promise 10: SIGTERM with jobs in work and jobs waiting: nothing new begins, nothing is lost, nobody is charged."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from faults.deployment import Deployment, Servers, deployed
from faults.replica import Replica
from faults.scale import scaled
from faults.waiting import reaches

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(200)]

RUNNING, WAITING = 4, 20
GRACE_S = scaled(short=10, full=25)


async def _busy(deployment: Deployment, page_s: float) -> Replica:
    """Give a worker with four jobs in work and twenty waiting."""
    await deployment.publish(*(f"job-{number}" for number in range(RUNNING + WAITING)), pages=[f"slow {page_s}"])
    worker = deployment.replica()
    worker.start()
    await reaches(lambda: len(worker.events("job.started")) == RUNNING, 60, why=deployment.logs)
    return worker


async def test_running_jobs_end_within_the_grace(servers: Servers, tmp_path: Path) -> None:
    async with deployed(
        servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY=str(RUNNING), GRACE_PERIOD=str(GRACE_S), PARSER_CONCURRENCY="4"
    ) as deployment:
        worker = await _busy(deployment, page_s=2)
        worker.daemon.terminate()
        signalled = time.monotonic()
        await reaches(lambda: _waiting(deployment, WAITING), 2, why=deployment.logs)
        status = await anyio.to_thread.run_sync(worker.daemon.wait, GRACE_S + 10)
        took_s = time.monotonic() - signalled
        assert (status, len(worker.events("job.started"))) == (0, RUNNING), worker.log()
        assert took_s < GRACE_S, "it went when its jobs had ended"
        assert await deployment.done() == RUNNING
        deployment.replica().start()
        history = await deployment.verdict(90)

    assert all(row.attempt == 1 for row in history.rows.values())


@pytest.mark.parametrize("by", ["a second signal", "the end of the grace"])
async def test_jobs_that_are_handed_back_are_charged_no_attempt(by: str, servers: Servers, tmp_path: Path) -> None:
    grace_s = 60 if by == "a second signal" else 1
    async with deployed(
        servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY=str(RUNNING), GRACE_PERIOD=str(grace_s), PARSER_CONCURRENCY="4"
    ) as deployment:
        worker = await _busy(deployment, page_s=6)
        worker.daemon.terminate()
        if by == "a second signal":
            await reaches(lambda: bool(worker.events("worker.draining")), 10, why=deployment.logs)
            worker.daemon.terminate()
        signalled = time.monotonic()
        await reaches(lambda: _waiting(deployment, RUNNING + WAITING), 5, why=deployment.logs)
        status = await anyio.to_thread.run_sync(worker.daemon.wait, 20)
        assert (status, len(worker.events("job.started"))) == (0, RUNNING), worker.log()
        assert time.monotonic() - signalled < 10
        assert await deployment.count("SELECT coalesce(sum(attempt), 0) FROM jobs") == 0
        assert {event["outcome"] for event in worker.events("job.settled")} == {"released"}


async def _waiting(deployment: Deployment, count: int) -> bool:
    return await deployment.ready_messages() == count
