"""A whole worker over brokers and stores in memory, with real parser processes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio

from llamaparse_worker.backends.objects.sources import open_sources
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.errors import ModelsUnavailable
from llamaparse_worker.interfaces import Message, Ocr, Parsers
from llamaparse_worker.limits import Limits
from llamaparse_worker.model.job import JobRecord, JobStatus, TenantLimit
from llamaparse_worker.parsers.pool import ParserStatistics
from llamaparse_worker.pipeline.checkpoints import CheckpointPolicy
from llamaparse_worker.pipeline.job import JobLimits, JobPipeline
from llamaparse_worker.testing.broker import MemoryBroker
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.wire import JobMessage
from llamaparse_worker.worker.attempts import Attempts
from llamaparse_worker.worker.company import Company
from llamaparse_worker.worker.deliveries import Deliveries
from llamaparse_worker.worker.loop import Worker
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.policy import AttemptPolicy
from llamaparse_worker.worker.ranges import RangeAttempts
from llamaparse_worker.worker.settlement import RetryPolicy
from llamaparse_worker.worker.upkeep import Upkeep
from support.pipeline import document_parser


class Pool(Parsers, Protocol):
    """Parser processes that can be counted."""

    def statistics(self) -> ParserStatistics:
        """Count them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a test sets about its worker; short times, so that tests are."""

    slots: int = 2
    lease_s: float = 30
    grace_s: float = 10
    max_attempts: int = 3
    retry_delay_s: float = 0.1
    interval_s: float = 0.05
    tenant_limit: TenantLimit | None = None
    max_jobs: int | None = None
    range_size: int = 64
    fetch_s: float = 30
    store_s: float = 30
    checkpoint_s: float = 20
    split_pages: int = 0
    reading: str = ""
    """Stands for the settings that decide how pages are read."""


@dataclass(slots=True)
class World:
    """What a worker works on; it may be used by several workers, one after the other or at once."""

    pool: Pool
    spool: Path
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    jobs: MemoryJobStore = field(default_factory=MemoryJobStore)
    objects: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    metrics: Metrics = field(default_factory=lambda: Metrics("0", Limits({})))
    outage: ModelsUnavailable | None = None
    """Why no job can be served by a model, whatever its mode."""

    async def publish(
        self,
        content: bytes | None,
        *,
        job_id: str | None = None,
        file_name: str = "document",
        tenant: str | None = None,
    ) -> str:
        """Put a document into the store, unless None, and its job on the queue; gives the job's id."""
        job_id = job_id or f"job-{uuid.uuid4().hex[:8]}"
        if content is not None:
            self.objects.objects[f"uploads/{job_id}"] = content
        message = JobMessage(job_id=job_id, source=f"uploads/{job_id}", file_name=file_name, tenant=tenant)
        await self.broker.publish(Message(body=message.model_dump_json().encode(), id=job_id))
        return job_id

    async def record(self, job_id: str) -> JobRecord | None:
        """Read the job's row, also while the store is away for the worker."""
        away, self.jobs.away = self.jobs.away, False
        try:
            return await self.jobs.get(job_id)
        finally:
            self.jobs.away = away

    async def ended(self, job_id: str, *, limit_s: float = 20) -> JobRecord:
        """Wait for a terminal status."""
        await self.reaches(job_id, lambda record: record.status.terminal, limit_s=limit_s)
        record = await self.record(job_id)
        assert record is not None
        return record

    async def runs(self, job_id: str, *, limit_s: float = 20) -> None:
        """Wait until an attempt at the job has begun."""
        await self.reaches(job_id, lambda record: record.status is JobStatus.RUNNING, limit_s=limit_s)

    async def reaches(self, job_id: str, wanted: Callable[[JobRecord], bool], *, limit_s: float = 20) -> None:
        """Wait until the job's row is as wanted."""

        async def found() -> bool:
            record = await self.record(job_id)
            return record is not None and wanted(record)

        await until(found, limit_s=limit_s)

    async def settled(self, *, limit_s: float = 20) -> None:
        """Wait until no message is in the queue."""

        async def empty() -> bool:
            return not any(depth.ready or depth.unacknowledged for depth in await self.broker.depths())

        await until(empty, limit_s=limit_s)

    async def buried(self) -> None:
        """Wait until there is a dead letter."""

        async def found() -> bool:
            return bool(self.broker.buried)

        await until(found)

    async def idle(self) -> bool:
        """Tell whether no parser process is held."""
        return not self.pool.statistics().busy

    async def told(self) -> bool:
        """Tell whether any event was announced."""
        return bool(self.broker.announced)

    def metric(self, line_start: str) -> float:
        """Give one sample of the metrics; 0 where it does not exist."""
        lines = self.metrics.render().body.decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(line_start)), 0.0)


async def until(condition: Callable[[], Awaitable[bool]], *, limit_s: float = 20) -> None:
    """Wait for what nobody announces."""
    with anyio.fail_after(limit_s):
        while not await condition():  # noqa: ASYNC110 - stores in memory tell nobody
            await anyio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Working:
    """A running worker."""

    stop: anyio.Event
    attempts: Attempts
    stopped: anyio.Event


@asynccontextmanager
async def working(world: World, policy: Policy | None = None, *, ocr: Ocr | None = None) -> AsyncIterator[Working]:
    """Run a worker; leaving stops it and waits for its drain."""
    policy = policy or Policy()
    async with open_sources(SourcesSettings(), world.objects, None) as sources:
        pipeline = JobPipeline(
            sources=sources,
            objects=world.objects,
            documents=document_parser(world.pool, processes=1, ocr=ocr, range_size=policy.range_size),
            spool_dir=world.spool,
            limits=JobLimits(
                max_document_bytes=1_000_000,
                fetch_timeout_s=policy.fetch_s,
                store_timeout_s=policy.store_s,
                split_pages=policy.split_pages,
            ),
            observe_stage=lambda _job, _stage, _seconds: None,
            checkpoints=CheckpointPolicy(every_s=policy.checkpoint_s, reading=policy.reading),
        )
        upkeep = Upkeep(
            world.broker,
            world.jobs,
            interval_s=policy.interval_s,
            on_dead_letter=world.metrics.message_dead_lettered,
        )
        company = Company(anyio.CapacityLimiter(policy.slots))
        attempt_policy = AttemptPolicy(
            lease_s=policy.lease_s,
            retry=RetryPolicy(policy.max_attempts, policy.retry_delay_s),
            tenant_limit=policy.tenant_limit,
        )
        attempts = Attempts(
            world.jobs,
            pipeline,
            attempt_policy,
            world.metrics,
            company=company,
            on_event=lambda _job: upkeep.wake(),
            on_split=upkeep.look,
            outage=lambda _mode: world.outage,
        )
        ranges = RangeAttempts(
            world.jobs,
            pipeline,
            attempt_policy,
            world.metrics,
            company=company,
            on_ended=upkeep.look,
        )
        deliveries = Deliveries(attempts, ranges)
        consuming = anyio.Event()
        worker = Worker(
            world.broker,
            deliveries,
            upkeep,
            slots=policy.slots,
            grace_s=policy.grace_s,
            max_jobs=policy.max_jobs,
            on_consuming=consuming.set,
        )
        found = Working(anyio.Event(), attempts, anyio.Event())

        async def run() -> None:
            await worker.run(found.stop)
            found.stopped.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            if not world.broker.down:
                await consuming.wait()
            yield found
            found.stop.set()
