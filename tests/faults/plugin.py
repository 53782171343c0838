"""A plugin that hurts: real backends that die or stop at a named call, and a reader that says which pages it read.

Workers load it by entry points that ``deployment`` lays out; the product has no hooks for it. A point is the name of a
call with ``.before`` or ``.after`` behind it: before or after its effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from enum import StrEnum
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import BaseModel

from llamaparse_worker.backends.broker.rabbitmq.broker import open_rabbitmq
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.postgres.store import open_postgres
from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.s3.store import open_s3
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Broker, Component, Delivery, JobStore, ObjectStore, RangeStore, ReaderLimits
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.job import JobStatus, Lease, Progress
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.testing.reader import ScriptedDocument, ScriptedReader

PAGES_READ = "pages-read"
"""The file in the spool folder that ``CountingReader`` writes to; each line is a job and a page."""
FLAKY = "flaky"
"""Documents with this in their key can never be fetched for now."""


class Act(StrEnum):
    """What happens at the point."""

    DIE = "die"
    STOP = "stop"
    """As SIGSTOP does: whoever sends SIGCONT lets it go on, once; the point is passed for good then."""


class Trap(BaseModel):
    """Where and for which job the worker is struck."""

    fault_point: str | None = None
    fault_job: str | None = None
    """None for whichever job comes first."""
    fault_act: Act = Act.DIE

    def at(self, point: str, *jobs: str) -> None:
        """Pass a point with these jobs in hand, or be struck there."""
        if point != self.fault_point or (self.fault_job is not None and self.fault_job not in jobs) or _struck:
            return
        _struck.append(point)
        if self.fault_act is Act.DIE:
            os._exit(137)
        os.kill(os.getpid(), signal.SIGSTOP)


_struck: list[str] = []


class TrappedRabbitMq(Trap, RabbitMqSettings):
    """The variables of the broker."""


class TrappedPostgres(Trap, PostgresSettings):
    """The variables of the job store."""


class TrappedS3(Trap, S3Settings):
    """The variables of the object store."""


class Trapped:
    """A backend whose every call has a point before its effect, and one after it where it had any."""

    def __init__(self, inner: Any, trap: Trap, *jobs: str, of: str = "") -> None:  # noqa: ANN401 - any seam
        self._inner = inner
        self._trap = trap
        self._jobs = jobs
        self._of = of
        """Stands before the name of a call where two seams have it."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call of it
        call = getattr(self._inner, name)
        if not iscoroutinefunction(call):
            return call

        async def trapped(*arguments: object, **options: object) -> object:
            jobs = (*self._jobs, *_jobs_in(arguments))
            self._trap.at(f"{self._of}{name}.before", *jobs)
            answer = await call(*arguments, **options)
            if answer is None or answer:  # a look that found nothing, or a refused write, is no point
                self._trap.at(f"{self._of}{name}.after", *jobs, *_jobs_in(answer))
            return answer

        return trapped


def _jobs_in(values: object) -> list[str]:
    """Find which jobs a call is about; a message has the id of its job."""
    several = values if isinstance(values, (list, tuple)) else ()
    return [str(getattr(one, "job_id", None) or getattr(one, "id", None) or one) for one in several]


class TrappedBroker(Trapped):
    """RabbitMQ with points, also at what is taken from it."""

    @asynccontextmanager
    async def consume(self, *, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        async with self._inner.consume(prefetch=prefetch) as deliveries:
            yield self._taken(deliveries)

    async def _taken(self, deliveries: AsyncIterator[Delivery]) -> AsyncIterator[Delivery]:
        async for delivery in deliveries:
            self._trap.at("take.after", delivery.message.id)
            yield cast("Delivery", Trapped(delivery, self._trap, delivery.message.id))


class TrappedJobs(Trapped):
    """PostgreSQL with points, also at what a renewal tells of a document: that it is open, and has a finished page."""

    @property
    def ranges(self) -> RangeStore:
        return cast("RangeStore", Trapped(self._inner.ranges, self._trap, of="range "))

    async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
        self._trap.at("renew.before", lease.job_id)
        status: JobStatus = await self._inner.renew(lease, lease_s=lease_s, progress=progress)
        self._trap.at("renew.after", lease.job_id)
        if progress.total:
            self._trap.at("page.after" if progress.done else "open.after", lease.job_id)
        return status


class TrappedObjects(Trapped):
    """S3 with points; files of a result are stored one after the other, so that each is a point of its own."""

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        if FLAKY in key:
            raise BackendUnavailable(f"{key} cannot be fetched for now")
        job = Path(key).name
        self._trap.at("fetch.before", job)
        await self._inner.fetch(key, target, limit_bytes=limit_bytes)
        self._trap.at("fetch.after", job)

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        job = Path(prefix).parent.name
        for file in files:
            self._trap.at(f"store {file.name}.before", job)
            await self._inner.store_all(prefix, folder, [file])
            self._trap.at(f"store {file.name}.after", job)


@asynccontextmanager
async def _open_broker(settings: TrappedRabbitMq) -> AsyncIterator[Broker]:
    async with open_rabbitmq(settings) as inner:
        yield cast("Broker", TrappedBroker(inner, settings))


@asynccontextmanager
async def _open_jobs(settings: TrappedPostgres) -> AsyncIterator[JobStore]:
    async with open_postgres(settings) as inner:
        yield cast("JobStore", TrappedJobs(inner, settings))


@asynccontextmanager
async def _open_objects(settings: TrappedS3) -> AsyncIterator[ObjectStore]:
    async with open_s3(settings) as inner:
        yield cast("ObjectStore", TrappedObjects(inner, settings))


broker: Component[TrappedRabbitMq, Broker] = Component(settings=TrappedRabbitMq, open=_open_broker)
jobs: Component[TrappedPostgres, JobStore] = Component(settings=TrappedPostgres, open=_open_jobs)
objects: Component[TrappedS3, ObjectStore] = Component(settings=TrappedS3, open=_open_objects)


class CountingReader:
    """Reads scripted documents, and leaves a line for each page that was read. The last word of a script is its job."""

    name = "counting"

    def accepts(self, head: bytes, file_name: str) -> bool:
        return ScriptedReader().accepts(head, file_name)

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[CountedDocument]:
        job = file.read().split()[-1].decode()
        file.seek(0)
        with ScriptedReader().open(file, limits) as document:
            yield CountedDocument(document, job, Path(file.name).parents[1] / PAGES_READ)


class CountedDocument:
    """An open script."""

    def __init__(self, inner: ScriptedDocument, job: str, log: Path) -> None:
        self._inner = inner
        self._job = job
        self._log = log

    @property
    def page_count(self) -> int:
        return self._inner.page_count

    def read(self, number: int) -> RawPage | LaidOutPage:
        page = self._inner.read(number)
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(log, f"{self._job} {number}\n".encode())  # one write: lines of different processes do not mix
        os.close(log)
        return page

    def render(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        return self._inner.render(number, dpi=dpi)
