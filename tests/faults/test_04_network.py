"""Promise 4: whatever the network does to broker, database or object storage, no job is lost and all goes on after.

Every connection of the worker to one server goes through a proxy that hurts it while jobs come in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest
from yarl import URL

from faults.deployment import Deployment, Servers, deployed
from faults.scale import scaled
from faults.waiting import reaches
from llamaparse_worker.worker.resources import read_process_tree
from support.proxy import Proxy, running_proxy

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=500, full=1500))]

READY_AGAIN_S = 30
GROWTH_BYTES = 64 * 2**20
"""A worker holds no more than this above what it held before."""
VARIABLES = {"broker": "JOB_QUEUE_ENDPOINT", "database": "DATABASE_URL", "objects": "S3_ENDPOINT_URL"}


@contextmanager
def slow(proxy: Proxy) -> Iterator[None]:
    proxy.latency_s = scaled(short=0.3, full=2)
    yield
    proxy.latency_s = 0


@contextmanager
def sliced(proxy: Proxy) -> Iterator[None]:
    proxy.slice_bytes = 7
    yield
    proxy.slice_bytes = 65536


@contextmanager
def reset(proxy: Proxy) -> Iterator[None]:
    proxy.cut()
    proxy.reset_after_bytes = 500
    yield
    proxy.reset_after_bytes = None
    assert proxy.resets, "a connection was reset in the middle of something"


FAULTS: dict[str, tuple[Callable[[Proxy], AbstractContextManager[None]], float]] = {
    "latency": (slow, scaled(short=2, full=30)),
    "slices": (sliced, scaled(short=2, full=30)),
    "reset": (reset, scaled(short=3, full=30)),
    "down": (Proxy.switched_off, scaled(short=3, full=60)),
    "half open": (Proxy.half_open, scaled(short=12, full=200)),
}
"""Each with its time in seconds. Half open: in short form, a bit longer than the broker's heartbeats forgive."""


@asynccontextmanager
async def _behind_a_proxy(server: str, servers: Servers, tmp_path: Path) -> AsyncIterator[tuple[Deployment, Proxy]]:
    limits = {"DATABASE_TIMEOUT_SECONDS": "3", "S3_READ_TIMEOUT_SECONDS": "3"} if scaled(short=True, full=False) else {}
    async with deployed(servers, tmp_path, JOB_MAX_ATTEMPTS="20", **limits) as deployment:
        target = URL(deployment.env[VARIABLES[server]])
        assert target.port
        async with running_proxy(target.port) as (proxy, port):
            deployment.env[VARIABLES[server]] = str(target.with_port(port))
            yield deployment, proxy


@pytest.mark.parametrize("server", VARIABLES)
async def test_a_hurt_connection(server: str, servers: Servers, tmp_path: Path) -> None:
    async with _behind_a_proxy(server, servers, tmp_path) as (deployment, proxy):
        worker = deployment.replica()
        worker.start()
        await deployment.publish("before")
        await reaches(deployment.at_rest, 60, why=deployment.logs)
        held = read_process_tree(worker.pid).memory_bytes
        for name, (hurt, duration_s) in FAULTS.items():
            before = proxy.forwarded_bytes
            with hurt(proxy):
                for number in range(3):
                    await deployment.publish(f"{name.replace(' ', '-')}-{number}")
                    await anyio.sleep(duration_s / 3)
                assert (await worker.get("/livez"))[0] == 200
            healed_s = await reaches(worker.ready, READY_AGAIN_S, why=deployment.logs)
            at_rest_s = await reaches(deployment.at_rest, 60, why=deployment.logs)
            assert proxy.forwarded_bytes > before, "the worker used this connection"
            print(f"{server}, {name}: ready {healed_s:.1f} s, at rest {at_rest_s:.1f} s after")  # noqa: T201 - the report
        grown = read_process_tree(worker.pid).memory_bytes - held
        await deployment.verdict(60)

    assert worker.starts == 1
    assert grown < GROWTH_BYTES
