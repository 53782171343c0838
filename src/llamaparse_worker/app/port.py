"""What the HTTP port of a daemon shows: health, metrics and the queues, also before the backends are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel

from llamaparse_worker.app.backends import Backends
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.http.dependencies import HttpDependencies, QueueSource
from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.model.job import StoreCounts
from llamaparse_worker.settings import WorkerSettings, read
from llamaparse_worker.worker.health import Health
from llamaparse_worker.worker.metrics import Metrics


class QueueFamily(BaseModel, frozen=True):
    """The name of the job queue, under which its family is counted; with every broker, as RabbitMqSettings has it."""

    job_queue_name: str = "parse_raw_file_job"


def shown(
    settings: WorkerSettings, health: Health, metrics: Metrics, opened: Callable[[], Backends | None]
) -> HttpDependencies:
    """Give what the port shows; ``opened`` gives the backends once they are open."""

    def backends() -> Backends:
        found = opened()
        if found is None:
            raise BackendUnavailable("the worker is still starting")
        return found

    async def depths() -> Sequence[QueueDepth]:
        return await backends().broker.depths()

    async def counts() -> StoreCounts:
        return await backends().jobs.counts()

    family = read(QueueFamily).job_queue_name
    # One SQLite file is shared by all workers only where the queue is in the same file.
    store_shared = settings.jobs != "sqlite" or settings.broker == "embedded"
    return HttpDependencies(
        health=health,
        metrics=metrics,
        queues=QueueSource(depths=depths, counts=counts, store_shared=store_shared, family=family),
        token=settings.api_token,
    )
