"""Promise 2: workers die and stop, the broker restarts and the network fails at random; every job is done once.

``make chaos`` runs the full form and prints the report.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from yarl import URL

from faults.deployment import Deployment, Servers, deployed
from faults.history import History, violations
from faults.replica import Replica
from faults.scale import scaled
from faults.waiting import reaches
from support.proxy import Proxy, running_proxy

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=600, full=4000))]

JOBS = scaled(short=60, full=1000)
WORKERS = 3
SEED = 2
STRIKE_PERIOD_S = 2
NETWORK_PERIOD_S = scaled(short=5, full=10)
RESTART_PERIOD_S = scaled(short=12, full=60)
PAUSE_S = 5
"""Longer than a lease: another worker has taken the job when this one goes on."""
PAGES = ["slow 0.05"] * 3
LIMIT_S = scaled(short=200, full=3000)
MOST_WASTE = scaled(short=0.30, full=0.10)
"""Of a short run, a strike at the wrong moment is a large share."""
SERVERS = ("JOB_QUEUE_ENDPOINT", "DATABASE_URL", "S3_ENDPOINT_URL")


@dataclass(slots=True)
class Chaos:
    """Hurts a deployment at random, from a seed, and counts what it did."""

    deployment: Deployment
    proxies: tuple[Proxy, ...]
    chance: random.Random
    did: Counter[str] = field(default_factory=Counter)

    async def strike_workers(self) -> None:
        """Kill or stop a worker that is ready, every two seconds: one that still starts has nothing to lose."""
        async with anyio.create_task_group() as pauses:
            while True:
                await anyio.sleep(STRIKE_PERIOD_S)
                ready = [one for one in self.deployment.replicas if await self._works(one)]
                if not ready:
                    continue
                worker = self.chance.choice(ready)
                if self.chance.random() < 0.7:
                    worker.kill()
                    self.did["workers killed"] += 1
                else:
                    self.did["workers stopped"] += 1
                    pauses.start_soon(self._pause, worker)

    async def supervise(self) -> None:
        """Start again whoever died."""
        while True:
            for worker in self.deployment.replicas:
                if not worker.runs:
                    worker.start()
            await anyio.sleep(0.2)

    async def disturb_network(self) -> None:
        """Hurt the connections to one server every so often."""
        while True:
            await anyio.sleep(NETWORK_PERIOD_S)
            proxy = self.chance.choice(self.proxies)
            match self.chance.choice(("latency", "cut", "half open")):
                case "latency":
                    self.did["times of latency"] += 1
                    proxy.latency_s = 0.3
                    await anyio.sleep(2)
                    proxy.latency_s = 0.0
                case "cut":
                    self.did["connections cut"] += proxy.cut()
                case _:
                    self.did["times half open"] += 1
                    with proxy.half_open():
                        await anyio.sleep(3)

    async def restart_broker(self) -> None:
        """Restart the broker every so often."""
        broker = self.deployment.servers.rabbitmq
        while True:
            await anyio.sleep(RESTART_PERIOD_S)
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(lambda: broker.stop(crash=True))
                await anyio.to_thread.run_sync(broker.start)
            self.did["broker restarts"] += 1

    async def _works(self, worker: Replica) -> bool:
        return worker.runs and not worker.stopped() and await worker.ready() and worker.runs

    async def _pause(self, worker: Replica) -> None:
        life = worker.pid
        worker.pause()
        await anyio.sleep(PAUSE_S)
        if worker.runs and worker.pid == life:
            worker.resume()


@asynccontextmanager
async def _behind_proxies(deployment: Deployment) -> AsyncIterator[tuple[Proxy, ...]]:
    async with AsyncExitStack() as stack:
        proxies = []
        for variable in SERVERS:
            target = URL(deployment.env[variable])
            assert target.port
            proxy, port = await stack.enter_async_context(running_proxy(target.port))
            deployment.env[variable] = str(target.with_port(port))
            proxies.append(proxy)
        yield tuple(proxies)


async def test_chaos(servers: Servers, tmp_path: Path) -> None:
    variables = {"JOB_MAX_ATTEMPTS": "20", "PDF_JOB_QUEUE_CONCURRENCY": "2", "JOB_RETRY_DELAY_SECONDS": "1"}
    async with (
        deployed(servers, tmp_path, **variables, DATABASE_TIMEOUT_SECONDS="5") as deployment,
        _behind_proxies(deployment) as proxies,
    ):
        chaos = Chaos(deployment, proxies, random.Random(SEED))
        await deployment.publish(*(f"job-{number}" for number in range(JOBS)), pages=PAGES)
        for worker in [deployment.replica() for _ in range(WORKERS)]:
            worker.start()
        await deployment.ready(WORKERS, 120)
        begun = time.monotonic()
        async with anyio.create_task_group() as tasks:
            for what in (chaos.strike_workers, chaos.supervise, chaos.disturb_network, chaos.restart_broker):
                tasks.start_soon(what)
            await _all_done(deployment, LIMIT_S)
            tasks.cancel_scope.cancel()
        took_s = time.monotonic() - begun
        await _calm(deployment)
        await deployment.rest(90)
        history = await deployment.history()
        refused = sum(_refused(worker) for worker in deployment.replicas)

    broken = violations(history, max_attempts=deployment.max_attempts)
    _tell(history, chaos, broken, took_s=took_s, refused=refused)
    assert not broken, "\n".join([*broken, deployment.logs()])
    assert chaos.did["workers killed"]
    assert history.wasted_share <= MOST_WASTE


async def _all_done(deployment: Deployment, limit_s: float) -> None:
    async def done() -> bool:
        return await deployment.done() == JOBS

    await reaches(done, limit_s, why=deployment.logs)


async def _calm(deployment: Deployment) -> None:
    """Let everybody live, for what is left to be told."""
    for worker in deployment.replicas:
        if not worker.runs:
            worker.start()
        worker.resume()
    await deployment.ready(WORKERS, 90)


def _refused(worker: Replica) -> int:
    """Count the attempts that were told that their lease is lost, whatever they wanted to write."""
    return sum(event["outcome"] == "refused" and event["attempt"] is not None for event in worker.events("job.settled"))


def _tell(history: History, chaos: Chaos, broken: list[str], *, took_s: float, refused: int) -> None:
    attempts = sum(row.attempt for row in history.rows.values())
    report = {
        "jobs done": sum(row.status == "COMPLETED" for row in history.rows.values()),
        "jobs lost": sum("is lost" in violation for violation in broken),
        "promises broken": len(broken),
        "attempts": attempts,
        "most attempts of a job": max(row.attempt for row in history.rows.values()),
        "wasted work": f"{history.wasted_share:.1%}",
        "stale attempts refused": refused,
        "events received": f"{len(history.events)}, of them {len({event.id for event in history.events})} different",
        **chaos.did,
        "seconds": round(took_s),
    }
    print("\n" + "\n".join(f"{name:26} {value}" for name, value in report.items()))  # noqa: T201 - the report
