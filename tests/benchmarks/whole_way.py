"""The whole way: messages through RabbitMQ, states in PostgreSQL, results in an object store, and a daemon between."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import asyncpg
from aiobotocore.session import get_session
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pydantic import SecretStr

from benchmarks.figures import Figure, Target, at_least, at_most, histogram_quantile, quantile
from benchmarks.tree import Usage, pss_mb, watched
from llamaparse_worker.backends.broker.rabbitmq.broker import open_rabbitmq
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.wire import JobMessage
from llamaparse_worker.worker.resources import read_process_tree
from support.daemon import Daemon, daemon, environment
from support.layouts.corpus import Stored
from support.services import Postgres, RabbitMq, S3Server

_LAG = "llamaparse_worker_event_loop_lag_seconds"
_POLL_S = 0.05
_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Services:
    """The servers of one run."""

    rabbitmq: RabbitMq
    postgres: Postgres

    def variables(self, database_url: str) -> dict[str, str]:
        return {
            "JOB_QUEUE_ENDPOINT": self.rabbitmq.amqp_url,
            "JOB_QUEUE_USERNAME": self.rabbitmq.username,
            "JOB_QUEUE_PASSWORD": self.rabbitmq.password,
            "DATABASE_URL": database_url,
            "OCR_ENGINE": "off",
            "LOG_LEVEL": "info",
        }


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent through the queue."""

    documents: Sequence[Stored]

    @property
    def files(self) -> Sequence[Path]:
        return [document.path for document in self.documents]

    @property
    def pages(self) -> int:
        return sum(document.pages for document in self.documents)


@dataclass(frozen=True, slots=True)
class Passage:
    """How the load went through."""

    wall_s: float
    job_s: tuple[float, ...]
    """From the claim to the terminal state, for each job."""
    end_s: tuple[float, ...]
    """From the publication of the first message to the terminal state, for each job."""
    daemon: Usage
    servers_cpu_s: float
    """Of everything else below this process: the broker and the database."""
    lag_p99_s: float
    idle_pss_mb: float
    """Of the tree, a second after the last job."""


def file_store(
    services: Services, load: Load, *, slots: int, state: Path, more: Mapping[str, str] | None = None
) -> Passage:
    """Send the load through a daemon that keeps objects in files; ``more`` are variables of it."""
    store(load.files, state)
    return _pass(services, load, slots, state, more or {})


def store(files: Sequence[Path], state: Path) -> None:
    """Put files where a daemon with this state looks for them."""
    for file in files:
        target = state / "objects" / _key(file)
        target.parent.mkdir(parents=True)
        shutil.copy(file, target)


def s3_store(services: Services, s3: S3Server, load: Load, *, slots: int, state: Path) -> Passage:
    """Send the load through a daemon that keeps objects in a stand-in for S3."""
    upload, output = s3.bucket(), s3.bucket()
    anyio.run(_upload, s3, upload, load.files)
    more = {
        "S3_ENDPOINT_URL": s3.endpoint_url,
        "AWS_ACCESS_KEY_ID": s3.access_key_id,
        "AWS_SECRET_ACCESS_KEY": s3.secret_access_key,
        "AWS_REGION": s3.region,
        "S3_UPLOAD_BUCKET": upload,
        "S3_OUTPUT_BUCKET": output,
    }
    return _pass(services, load, slots, state, more)


def figures(scenario: str, passage: Passage, load: Load, *, targets: bool) -> list[Figure]:
    """Put a passage into figures."""

    def wanted(target: Target) -> Target | None:
        return target if targets else None

    usage, pages = passage.daemon, load.pages
    rows: list[tuple[str, float, str, Target | None]] = [
        ("throughput", pages / passage.wall_s * 60, "pages/min", wanted(at_least(12_000))),
        ("CPU of the tree", usage.cpu_s / pages * 1000, "ms/page", None),
        ("CPU of the daemon process", usage.main_cpu_s / pages * 1000, "ms/page", None),
        ("CPU of the daemon process", usage.main_cpu_s / len(load.files) * 1000, "ms/document", None),
        ("CPU of the servers beside it", passage.servers_cpu_s / pages * 1000, "ms/page", None),
        ("peak PSS of the tree", usage.peak_pss_mb, "MB", None),
        ("peak RSS of the tree", usage.peak_rss_mb, "MB", None),
        ("PSS of the tree after the load", passage.idle_pss_mb, "MB", None),
        ("job, from claim to end, p50", quantile(passage.job_s, 0.5) * 1000, "ms", None),
        ("job, from claim to end, p99", quantile(passage.job_s, 0.99) * 1000, "ms", None),
        ("job, with its wait in the queue, p50", quantile(passage.end_s, 0.5), "s", None),
        ("job, with its wait in the queue, p99", quantile(passage.end_s, 0.99), "s", None),
        ("event loop lag, p99", passage.lag_p99_s * 1000, "ms", wanted(at_most(50))),
    ]
    return [Figure(scenario, *row) for row in rows]


def _pass(services: Services, load: Load, slots: int, state: Path, more: Mapping[str, str]) -> Passage:
    database_url = services.postgres.database()
    variables = {**services.variables(database_url), "PDF_JOB_QUEUE_CONCURRENCY": str(slots), **more}
    with daemon(environment(state, variables), state) as running:
        pid = running.process.pid
        parse_one_first(services, load, database_url)
        lag, others = lag_buckets(running), _others_cpu_s(pid)
        with watched(pid) as usage:
            published_at = anyio.run(publish, services.rabbitmq, load.files, "load")
            jobs = anyio.run(ended, database_url, len(load.files), "load")
        servers_cpu_s = _others_cpu_s(pid) - others
        after = lag_buckets(running)
        time.sleep(1)
        idle = pss_mb(pid)
        running.terminate()
        running.wait()
    return Passage(
        wall_s=(max(end for _, end in jobs) - published_at).total_seconds(),
        job_s=tuple((end - start).total_seconds() for start, end in jobs),
        end_s=tuple((end - published_at).total_seconds() for _, end in jobs),
        daemon=usage,
        servers_cpu_s=servers_cpu_s,
        lag_p99_s=lag_quantile(lag, after, 0.99),
        idle_pss_mb=idle,
    )


def parse_one_first(services: Services, load: Load, database_url: str) -> None:
    """Have parser processes forked, every module imported and models loaded before the clock starts."""
    files = load.files[:2]
    anyio.run(publish, services.rabbitmq, files, "first")
    anyio.run(ended, database_url, len(files), "first")


async def publish(rabbitmq: RabbitMq, files: Sequence[Path], round_name: str, mode: ModeName | None = None) -> datetime:
    """Send a job for each file; gives when."""
    settings = RabbitMqSettings(
        job_queue_endpoint=rabbitmq.amqp_url,
        job_queue_username=rabbitmq.username,
        job_queue_password=SecretStr(rabbitmq.password),
    )
    async with open_rabbitmq(settings) as broker:
        started = datetime.now(tz=UTC)
        async with anyio.create_task_group() as tasks:
            for file in files:
                job = JobMessage(job_id=f"{round_name}-{file.stem}", source=_key(file), file_name=file.name, mode=mode)
                body = job.model_dump_json(exclude_defaults=True).encode()
                tasks.start_soon(broker.publish, Message(body, job.job_id))
    return started


async def ended(database_url: str, jobs: int, round_name: str) -> list[tuple[datetime, datetime]]:
    """Wait for all jobs of a round; gives when each was claimed and when it ended."""
    connection = await asyncpg.connect(database_url)
    counting = "SELECT count(*) FROM jobs WHERE id LIKE $1 AND status NOT IN ('PENDING', 'RUNNING')"
    pattern = f"{round_name}-%"
    try:
        with anyio.fail_after(_LIMIT_S):
            while await connection.fetchval(counting, pattern) < jobs:  # noqa: ASYNC110 - nothing tells of the last one
                await anyio.sleep(_POLL_S)
        rows = await connection.fetch("SELECT status, created_at, updated_at FROM jobs WHERE id LIKE $1", pattern)
    finally:
        await connection.close()
    if failed := [row for row in rows if row["status"] != "COMPLETED"]:
        raise RuntimeError(f"{len(failed)} of {jobs} jobs did not complete")
    return [(row["created_at"], row["updated_at"]) for row in rows]


async def _upload(s3: S3Server, bucket: str, files: Sequence[Path]) -> None:
    async with get_session().create_client(
        "s3",
        endpoint_url=s3.endpoint_url,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=s3.secret_access_key,
        region_name=s3.region,
    ) as client:
        for file in files:
            await client.put_object(Bucket=bucket, Key=_key(file), Body=file.read_bytes())


def _key(file: Path) -> str:
    return f"uploads/{file.stem}/source.pdf"


def _others_cpu_s(pid: int) -> float:
    own = time.process_time()
    return read_process_tree().cpu_seconds - read_process_tree(pid).cpu_seconds - own


def lag_buckets(running: Daemon) -> list[tuple[float, float]]:
    """Give the histogram of the event loop's lag: upper bounds in seconds, and how many measurements lie below."""
    return sorted((float(sample.labels["le"]), sample.value) for sample in _samples(running, f"{_LAG}_bucket"))


def lag_quantile(before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]], share: float) -> float:
    """Give the quantile of what was measured between two readings of the histogram, in seconds."""
    between = [(upper, count - earlier) for (upper, count), (_, earlier) in zip(after, before, strict=True)]
    return histogram_quantile(between, share)


def counted(running: Daemon, name: str) -> float:
    """Give a counter of the daemon; 0 as long as it does not count."""
    return sum(sample.value for sample in _samples(running, name))


def _samples(running: Daemon, name: str) -> Iterator[Sample]:
    _, text = running.get("/metrics")
    for family in text_string_to_metric_families(text):
        yield from (sample for sample in family.samples if sample.name == name)
