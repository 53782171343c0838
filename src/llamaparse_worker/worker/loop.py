"""The worker: consume, run, drain. Back-pressure is the prefetch: as many unsettled messages as job slots, no more."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import structlog
from anyio.abc import TaskGroup

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Broker
from llamaparse_worker.worker.deliveries import Deliveries
from llamaparse_worker.worker.upkeep import Upkeep

RECONNECT_PAUSE_S = 2.0
LAST_ROUND_S = 2.0
"""What a drain gives to the events of its last jobs; a later start sends what is left."""

log = structlog.get_logger()


class Worker:
    """Runs jobs until it is told to stop, then drains."""

    def __init__(
        self,
        broker: Broker,
        deliveries: Deliveries,
        upkeep: Upkeep,
        *,
        slots: int,
        grace_s: float,
        max_jobs: int | None,
        on_consuming: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._deliveries = deliveries
        self._upkeep = upkeep
        self._slots = slots
        self._grace_s = grace_s
        self._max_jobs = max_jobs
        self._on_consuming = on_consuming
        self._taken = 0

    async def run(self, stop: anyio.Event) -> None:
        """Work until ``stop`` is set: take no more, give running jobs their grace, hand the rest back."""
        async with anyio.create_task_group() as background:
            background.start_soon(self._upkeep.run)
            background.start_soon(self._end_grace, stop)
            async with anyio.create_task_group() as jobs:
                await self._take_until(stop, jobs)
                log.info("worker.draining", running=self._deliveries.running, grace_s=self._grace_s)
            with anyio.move_on_after(LAST_ROUND_S):
                await self._upkeep.end()
            background.cancel_scope.cancel()
        log.info("worker.drained", jobs=self._taken)

    def give_up(self) -> None:
        """Stop every attempt: each releases its lease and requeues its message."""
        self._deliveries.give_up()

    async def _take_until(self, stop: anyio.Event, jobs: TaskGroup) -> None:
        async with anyio.create_task_group() as intake:
            intake.start_soon(self._take, jobs, stop)
            await stop.wait()
            intake.cancel_scope.cancel()

    async def _take(self, jobs: TaskGroup, stop: anyio.Event) -> None:
        while True:
            try:
                async with self._broker.consume(prefetch=self._slots) as taken:
                    self._on_consuming()
                    async for delivery in taken:
                        jobs.start_soon(self._deliveries.handle, delivery)
                        self._taken += 1
                        if self._taken == self._max_jobs:
                            log.info("worker.restart_due", reason="MAX_JOBS_BEFORE_RESTART", jobs=self._taken)
                            stop.set()
                            return
            except BackendUnavailable as error:
                log.warning("broker.away", error=error.message)
            await anyio.sleep(RECONNECT_PAUSE_S)

    async def _end_grace(self, stop: anyio.Event) -> None:
        await stop.wait()
        await anyio.sleep(self._grace_s)
        log.warning("worker.grace_over", running=self._deliveries.running)
        self._deliveries.give_up()
