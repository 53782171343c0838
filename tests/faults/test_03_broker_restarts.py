"""Promise 3: a broker that restarts, or closes all connections, under load: workers take jobs again by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from faults.deployment import Deployment, Servers, deployed
from faults.scale import scaled
from llamaparse_worker.errors import BackendUnavailable

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=400, full=2400))]

CLOSINGS = scaled(short=3, full=50)
RESTARTS = scaled(short=1, full=5)
AGAIN_S = 15
WORKERS = 2


@asynccontextmanager
async def loaded(deployment: Deployment) -> AsyncIterator[None]:
    """Publish jobs all the while."""
    enough = anyio.Event()

    async def publish() -> None:
        number, published = 0, True
        while not (published and enough.is_set()):
            published = await _published(deployment, f"job-{number}")
            number += published
            with anyio.move_on_after(0.4):
                await enough.wait()

    async with anyio.create_task_group() as load:
        load.start_soon(publish)
        yield
        enough.set()


async def _published(deployment: Deployment, job: str) -> bool:
    """Publish a job; False where the producer's own connection was lost over it, so that nobody knows."""
    try:
        await deployment.publish(job, pages=["slow 0.2"])
    except BackendUnavailable:
        return False
    return True


async def test_connections_that_the_broker_closes(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, JOB_MAX_ATTEMPTS="20") as deployment:
        workers = [deployment.replica() for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        await deployment.consuming(WORKERS, 120)
        lives = [worker.pid for worker in workers]
        slowest_s = 0.0
        async with loaded(deployment):
            for _ in range(CLOSINGS):
                await deployment.close_connections(WORKERS)
                slowest_s = max(slowest_s, await deployment.consuming(WORKERS, AGAIN_S))
        history = await deployment.verdict(90)
        assert [worker.pid for worker in workers if worker.runs] == lives, "no process was restarted"

    assert all(len(worker.events("broker.connection_lost")) >= CLOSINGS for worker in workers)
    print(f"{CLOSINGS} closings, {len(history.rows)} jobs, consuming again within {slowest_s:.1f} s")  # noqa: T201 - the report


async def test_a_broker_that_restarts(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, JOB_MAX_ATTEMPTS="20") as deployment:
        workers = [deployment.replica() for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        await deployment.consuming(WORKERS, 120)
        lives = [worker.pid for worker in workers]
        for restart in range(RESTARTS):
            await deployment.publish(*(f"job-{restart}-{number}" for number in range(10)), pages=["slow 0.3"])
            await anyio.to_thread.run_sync(lambda: servers.rabbitmq.stop(crash=True))
            await anyio.to_thread.run_sync(servers.rabbitmq.start)
            took_s = await deployment.consuming(WORKERS, AGAIN_S)
            print(f"restart {restart}: consuming again within {took_s:.1f} s")  # noqa: T201 - the report
        await deployment.verdict(90)
        assert [worker.pid for worker in workers if worker.runs] == lives, "no process was restarted"
