"""``/metrics``, in the text form of Prometheus or in OpenMetrics."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from anyio import to_thread

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.http.dependencies import MetricsSource
from llamaparse_worker.http.queues import QueueReader


def metrics_routes(metrics: MetricsSource, reader: QueueReader | None = None) -> Sequence[web.AbstractRouteDef]:
    """Give the route of the metrics; without a reader of queues they hold no queue depth."""

    async def scrape(request: web.Request) -> web.Response:
        if reader is not None:
            depths = (await reader.read()).depths
            metrics.queues_seen(() if isinstance(depths, WorkerError) else depths)
        rendered = await to_thread.run_sync(metrics.render, request.headers.get("Accept", ""))
        return web.Response(body=rendered.body, headers={"Content-Type": rendered.content_type})

    return [web.get("/metrics", scrape)]
