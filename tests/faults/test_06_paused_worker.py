"""Promise 6: a worker that stands still for longer than its lease writes nothing any more about its job."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import pytest

from faults.deployment import Deployment, Servers, deployed
from faults.history import History
from faults.replica import Replica
from faults.scale import scaled
from faults.waiting import reaches

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=120, full=300))]

LEASE_S = scaled(short=1, full=10)
PAGES = ("slow 1.5", "slow 1.5")


async def test_a_worker_that_is_stopped_while_it_parses(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, JOB_LEASE_SECONDS=str(LEASE_S)) as deployment:
        paused = deployment.replica()
        paused.start()
        await deployment.publish("stopped", pages=PAGES)
        await reaches(lambda: bool(paused.events("job.started")), 60, why=deployment.logs)
        paused.pause()
        history = await _taken_over(deployment, paused)
        paused.resume()
        await reaches(lambda: bool(paused.events("job.stopped")), 30, why=deployment.logs)
        await _nothing_changes(deployment, history)


@pytest.mark.parametrize("point", ["store result.md.before", "store manifest.json.before", "finish.before"])
async def test_a_worker_that_stops_with_a_write_at_hand(point: str, servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, JOB_LEASE_SECONDS=str(LEASE_S)) as deployment:
        paused = deployment.replica(FAULT_POINT=point, FAULT_ACT="stop")
        paused.start()
        await deployment.publish("stopped")
        await reaches(paused.stopped, 60, why=deployment.logs)
        history = await _taken_over(deployment, paused)
        os.kill(paused.pid, signal.SIGCONT)
        await reaches(lambda: bool(paused.events("job.settled")), 30, why=deployment.logs)
        await _nothing_changes(deployment, history)

    settled = paused.events("job.settled")[0]
    assert settled["outcome"] == "refused" or paused.events("job.stopped"), "its write was refused, and it knows"


async def _taken_over(deployment: Deployment, paused: Replica) -> History:
    """Have another worker end the job meanwhile."""
    other = deployment.replica()
    other.start()
    await anyio.sleep(3 * LEASE_S)
    history = await deployment.verdict(60)
    assert paused.stopped()
    assert history.rows["stopped"].attempt == 2
    return history


async def _nothing_changes(deployment: Deployment, before: History) -> None:
    await anyio.sleep(1)
    after = await deployment.history()
    assert after.rows == before.rows
    assert after.turns == before.turns
    assert not after.events
