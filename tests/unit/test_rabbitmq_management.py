"""What the rows of the management API are taken for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llamaparse_worker.backends.broker.rabbitmq.management import fetch_depths
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import QueueDepth

pytestmark = pytest.mark.anyio

FIGURES = {"messages_ready": 2, "messages_unacknowledged": 1, "consumers": 3}


async def depths_of(*rows: dict[str, object]) -> Sequence[QueueDepth]:
    """Ask a server that has these rows for the family ``jobs``."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(list(rows))

    site = web.Application()
    site.router.add_get("/api/queues/{vhost}", answer)
    async with TestServer(site) as server:
        return await fetch_depths(server.make_url("/"), "Basic Zzp6", vhost="/", family="jobs")


@pytest.mark.parametrize("state", ["running", "idle", "flow"])
async def test_a_queue_that_takes_and_gives_is_healthy(state: str) -> None:
    assert await depths_of({"name": "jobs", "state": state, **FIGURES}) == [QueueDepth("jobs", 2, 1, 3, healthy=True)]


@pytest.mark.parametrize("state", ["down", "crashed", "stopped", "minority"])
async def test_a_queue_that_does_not_serve_is_unhealthy_without_figures_too(state: str) -> None:
    assert await depths_of({"name": "jobs", "state": state}) == [QueueDepth("jobs", 0, 0, 0, healthy=False)]


@pytest.mark.parametrize("row", [{}, FIGURES, {"state": "running"}], ids=["bare", "no state", "no figures"])
async def test_a_queue_just_made_gives_no_number_rather_than_a_wrong_one(row: dict[str, object]) -> None:
    with pytest.raises(BackendUnavailable, match="no figures of the queue jobs_new yet"):
        await depths_of({"name": "jobs", "state": "running", **FIGURES}, {"name": "jobs_new", **row})


async def test_queues_of_others_are_left_out() -> None:
    found = await depths_of({"name": "other"}, {"name": "jobs_b", "state": "running", **FIGURES})

    assert [depth.name for depth in found] == ["jobs_b"]
