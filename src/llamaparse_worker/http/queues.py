"""``/api/queue-statusz``: the number that an autoscaler asks for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
from aiohttp import web

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.http.answers import error_answer, json_answer
from llamaparse_worker.http.dependencies import QueueSource
from llamaparse_worker.http.queue_status import NoSuchQueue, QueueStatus, QueueUnknown, queue_status
from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.model.job import StoreCounts

_FRESH_S = 1.0
"""A reading serves all requests for this long, so that scrapes cannot hammer the broker."""
_LIMIT_S = 2.5
"""Below the 3 s that KEDA waits: it gets an answer with a reason."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What broker and job store said; either part may have failed on its own."""

    depths: tuple[QueueDepth, ...] | WorkerError
    counts: StoreCounts | WorkerError


class QueueReader:
    """Reads broker and job store at most once a second, however many ask."""

    def __init__(self, source: QueueSource) -> None:
        self._source = source
        self._lock = anyio.Lock()
        self._last: Reading | None = None
        self._read_at = 0.0

    async def read(self) -> Reading:
        """Give the last reading, or a new one; a failure is kept as long as a success."""
        async with self._lock:  # held while waiting on purpose: whoever comes meanwhile shares this reading
            if self._last is None or time.monotonic() - self._read_at >= _FRESH_S:
                self._last = await self._read_now()
                self._read_at = time.monotonic()
            return self._last

    async def _read_now(self) -> Reading:
        depths: tuple[QueueDepth, ...] | WorkerError = _late("broker")
        counts: StoreCounts | WorkerError = _late("job store")

        async def read_depths() -> None:
            nonlocal depths
            try:
                depths = tuple(await self._source.depths())
            except WorkerError as error:
                depths = error

        async def read_counts() -> None:
            nonlocal counts
            try:
                counts = await self._source.counts()
            except WorkerError as error:
                counts = error

        with anyio.move_on_after(_LIMIT_S):
            async with anyio.create_task_group() as group:
                group.start_soon(read_depths)
                group.start_soon(read_counts)
        return Reading(depths, counts)


def queue_routes(source: QueueSource, reader: QueueReader) -> Sequence[web.AbstractRouteDef]:
    """Give the route of the queue status."""

    async def queue_statusz(request: web.Request) -> web.Response:
        prefix = request.query.get("queue_prefix") or source.family
        reading = await reader.read()
        if isinstance(reading.depths, WorkerError):
            return _unknown(prefix, QueueUnknown(reading.depths.message))
        if isinstance(reading.counts, WorkerError):
            return _unknown(prefix, QueueUnknown(reading.counts.message, _matching(reading.depths, prefix)))
        status = queue_status(reading.depths, reading.counts, prefix=prefix, store_shared=source.store_shared)
        match status:
            case QueueStatus():
                return json_answer(_body(prefix, status))
            case QueueUnknown():
                return _unknown(prefix, status)
            case NoSuchQueue():
                return error_answer(404, f"no queue begins with {prefix!r}", code="NO_SUCH_QUEUE")

    return [web.get("/api/queue-statusz", queue_statusz)]


def _late(who: str) -> WorkerError:
    return WorkerError(f"the {who} did not answer within {_LIMIT_S:g} s")


def _matching(depths: Sequence[QueueDepth], prefix: str) -> tuple[QueueDepth, ...]:
    return tuple(depth for depth in depths if depth.name.startswith(prefix))


def _body(prefix: str, status: QueueStatus) -> dict[str, object]:
    return {
        "total_messages": status.total,
        "healthy": True,
        "queue_prefix": prefix,
        "ready": status.ready,
        "delayed": status.delayed,
        "in_flight": status.in_flight,
        "queues": [_queue(depth) for depth in status.queues],
    }


def _unknown(prefix: str, unknown: QueueUnknown) -> web.Response:
    queues = [_queue(depth) for depth in unknown.queues]
    details: dict[str, object] = {"healthy": False, "queue_prefix": prefix, "queues": queues}
    return error_answer(503, unknown.reason, code="QUEUE_DEPTH_UNKNOWN", more=details)


def _queue(depth: QueueDepth) -> dict[str, object]:
    return {
        "name": depth.name,
        "messages": depth.ready + (depth.unacknowledged or 0),
        "ready": depth.ready,
        "unacknowledged": depth.unacknowledged,
        "consumers": depth.consumers,
        "status": "healthy" if depth.healthy else "unhealthy",
    }
