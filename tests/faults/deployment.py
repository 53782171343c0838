"""Workers on real servers, the jobs that they are given, and the record of what they did."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel
from aiobotocore.session import get_session
from aiohttp import ClientSession, encode_basic_auth
from pydantic import SecretStr
from types_aiobotocore_s3 import S3Client

from faults.history import COMPLETED, Accepted, Called, History, violations
from faults.offer import offered
from faults.plugin import PAGES_READ
from faults.record import list_files, read_jobs, read_text, record_turns, take_events, take_letters
from faults.replica import Replica
from faults.waiting import reaches
from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.broker import open_rabbitmq
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.postgres.store import open_postgres
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.testing.reader import script
from support.daemon import environment
from support.services import Postgres, RabbitMq, S3Server
from support.webhooks import Received, Receiver

_TALK_S = 120.0
_WORKER = "llamaparse-worker"
"""Begins the names of a worker's two connections."""
_DONE = "SELECT count(*) FROM jobs WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED')"
_UNDONE = f"""
SELECT (SELECT count(*) FROM jobs) - ({_DONE}) + (SELECT count(*) FROM outbox WHERE sent_at IS NULL)
    + (SELECT count(*) FROM jobs WHERE bury_at IS NOT NULL)
    + (SELECT count(*) FROM webhook_calls WHERE call_at IS NOT NULL) + greatest($1 - ({_DONE}), 0)
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """What a deployment runs on."""

    rabbitmq: RabbitMq
    postgres: Postgres
    s3: S3Server


@dataclass(slots=True)
class Deployment:
    """Some workers, and a producer that knows the message format and nothing else."""

    servers: Servers
    folder: Path
    queue: str
    database: str
    bucket: str
    env: dict[str, str]
    documents: S3Client
    accepted: dict[str, Accepted] = field(default_factory=dict)
    replicas: list[Replica] = field(default_factory=list)
    receiver: Receiver | None = None
    """Whose address each message names as a webhook."""
    closed: set[str] = field(default_factory=set)
    """Connections that the broker was told to close."""

    @property
    def max_attempts(self) -> int:
        """The variable of this name."""
        return int(self.env["JOB_MAX_ATTEMPTS"])

    def replica(self, **variables: str) -> Replica:
        """Add a worker with variables of its own; it does not run yet."""
        folder = self.folder / f"worker-{len(self.replicas)}"
        folder.mkdir()
        env = {**self.env, "HOME": str(folder), "SPOOL_DIR": str(folder / "spool"), **variables}
        self.replicas.append(Replica(env, folder))
        return self.replicas[-1]

    async def publish(
        self,
        *jobs: str,
        pages: Sequence[str] = (),
        content: bytes | None = None,
        copies: int = 1,
        ends: frozenset[str] = COMPLETED,
    ) -> None:
        """Put a document of scripted pages, or ``content``, for each job, and send its message, confirmed.

        A script gets a last page of its own, which names the job.
        """
        for job in jobs:
            body = content if content is not None else script(*pages, f"text {job}")
            await self.documents.put_object(Bucket=self.bucket, Key=f"in/{job}", Body=body)
            self.accepted[job] = Accepted(id=job, mark=job if content is None else "", pages=len(pages) + 1, ends=ends)
        async with self.channel() as channel:
            for _ in range(copies):
                for job in jobs:
                    message: dict[str, object] = {"job_id": job, "source": f"in/{job}", "output_prefix": "out"}
                    if self.receiver:
                        message["webhooks"] = [{"url": self.receiver.url, "output_format": "json"}]
                    await self._send(channel, message, message_id=job)

    async def send(self, message: Mapping[str, object], *, message_id: str) -> None:
        """Send what may be no job."""
        async with self.channel() as channel:
            await self._send(channel, message, message_id=message_id)

    async def _send(self, channel: AbstractChannel, message: Mapping[str, object], *, message_id: str) -> None:
        kept = aio_pika.DeliveryMode.PERSISTENT
        sent = aio_pika.Message(json.dumps(message).encode(), message_id=message_id, delivery_mode=kept)
        await channel.default_exchange.publish(sent, routing_key=self.queue)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """Talk to the broker past everything that stands between it and the workers.

        Raises:
            BackendUnavailable: it is away.
        """
        rabbitmq = self.servers.rabbitmq
        with answered("the broker of the test", timeout_s=_TALK_S):
            connection = await aio_pika.connect(rabbitmq.amqp_url, login=rabbitmq.username, password=rabbitmq.password)
            async with connection:
                yield await connection.channel(on_return_raises=True)

    async def manage(self, method: str, path: str) -> Any:  # noqa: ANN401 - JSON
        """Call the management API of the broker."""
        rabbitmq = self.servers.rabbitmq
        authorization = encode_basic_auth(rabbitmq.username, rabbitmq.password)
        async with (
            ClientSession(headers={"Authorization": authorization}) as client,
            client.request(method, f"{rabbitmq.management_url}/api/{path}") as answer,
        ):
            answer.raise_for_status()
            return await answer.json() if answer.content_type == "application/json" else None

    async def close_connections(self, workers: int) -> None:
        """Have the broker close every connection of so many workers, once its management knows them all."""
        found: set[str] = set()

        async def all_known() -> bool:
            known = {one["name"]: one["client_properties"] for one in await self.manage("GET", "connections")}
            of_workers = {name for name, client in known.items() if _WORKER in client.get("connection_name", "")}
            found.update(of_workers - self.closed)
            return len(found) == 2 * workers

        await reaches(all_known, _TALK_S, why=lambda: str(found))
        self.closed |= found
        for name in found:
            await self.manage("DELETE", f"connections/{quote(name, safe='')}")

    async def ready_messages(self) -> int:
        """Count the messages that wait in the queue."""
        return await self._messages(self.queue)

    async def buried(self, letters: int, limit_s: float) -> None:
        """Wait until so many dead letters lie there, or more."""

        async def all_buried() -> bool:
            return await self._messages(f"dead_letters.{self.queue}") >= letters

        await reaches(all_buried, limit_s, why=self.logs)

    async def consumers(self) -> int:
        """Count who takes messages; 0 also while the broker does not answer."""
        try:
            async with self.channel() as channel:
                counted = (await channel.declare_queue(self.queue, passive=True)).declaration_result
        except BackendUnavailable:
            return 0
        return counted.consumer_count or 0

    async def consuming(self, workers: int, limit_s: float) -> float:
        """Wait until so many workers take messages; gives the seconds that it took."""

        async def all_consume() -> bool:
            return await self.consumers() == workers

        return await reaches(all_consume, limit_s, why=self.logs)

    async def ready(self, workers: int, limit_s: float) -> None:
        """Wait until so many workers say that they are ready; one with its slots full has no consumer."""

        async def all_ready() -> bool:
            return sum([await one.ready() for one in self.replicas if one.runs]) == workers

        await reaches(all_ready, limit_s, why=self.logs)

    async def _messages(self, queue: str) -> int:
        async with self.channel() as channel:
            counted = (await channel.declare_queue(queue, passive=True)).declaration_result
        return counted.message_count or 0

    async def count(self, query: str, *arguments: int) -> int:
        """Ask the job store for a number."""
        connection = await asyncpg.connect(self.database)
        try:
            return int(await connection.fetchval(query, *arguments))
        finally:
            await connection.close()

    async def done(self) -> int:
        """Count the jobs that have ended."""
        return await self.count(_DONE)

    async def at_rest(self) -> bool:
        """Tell whether each job has ended, and was told of, and no message waits."""
        return not await self.count(_UNDONE, len(self.accepted)) and not await self.ready_messages()

    async def rest(self, limit_s: float) -> None:
        """Wait until all is done that will ever be."""
        await reaches(self.at_rest, limit_s, why=self.logs)

    async def history(self) -> History:
        """Read what happened, once all is at rest. What is read of queues is taken from them."""
        turns, rows = await read_jobs(self.database)
        files = await list_files(self.documents, self.bucket, "out/")
        async with self.channel() as channel:
            events = await take_events(channel, self._listener)
            letters = await take_letters(channel, f"dead_letters.{self.queue}")
        results = {job: f"{row.result_prefix}/result.txt" for job, row in rows.items()}
        return History(
            accepted=dict(self.accepted),
            turns=turns,
            rows=rows,
            texts={
                job: await read_text(self.documents, self.bucket, key) for job, key in results.items() if key in files
            },
            files=files,
            events=events,
            letters=letters,
            calls=None if self.receiver is None else [_called(one) for one in self.receiver.taken],
            pages_read=self.pages_read(),
        )

    async def verdict(self, limit_s: float) -> History:
        """Wait for rest, judge what was seen, and give it."""
        await self.rest(limit_s)
        history = await self.history()
        broken = violations(history, max_attempts=self.max_attempts)
        assert not broken, "\n".join([*broken, self.logs()])
        return history

    def pages_read(self) -> dict[str, list[int]]:
        """Give the pages that parser processes of all workers have read so far, by job."""
        found: dict[str, list[int]] = {job: [] for job in self.accepted}
        for replica in self.replicas:
            log = Path(replica.env["SPOOL_DIR"]) / PAGES_READ
            for line in log.read_text().splitlines() if log.exists() else ():
                job, _, page = line.partition(" ")
                found.setdefault(job, []).append(int(page))
        return found

    def logs(self) -> str:
        """Give the last words of all workers."""
        return "\n".join(f"--- worker {number}\n{replica.log()}" for number, replica in enumerate(self.replicas))

    @property
    def _listener(self) -> str:
        return f"listener.{self.queue}"

    async def prepare(self) -> None:
        """Make queues and schema as a worker does, listen to events, and have the database record what jobs become.

        Events are kept also while nobody is connected.
        """
        await self.declare()
        async with open_postgres(PostgresSettings(database_url=SecretStr(self.database))) as jobs:
            await jobs.migrate()
        await record_turns(self.database)
        async with self.channel() as channel:
            listener = await channel.declare_queue(self._listener, durable=True)
            await listener.bind(f"events.{self.queue}", "#")

    async def declare(self) -> None:
        """Make the queues and the exchange as a worker does when it starts."""
        variables = {name: self.env.get(name.upper()) for name in RabbitMqSettings.model_fields}
        settings = {name: value for name, value in variables.items() if value is not None}
        async with open_rabbitmq(RabbitMqSettings.model_validate(settings)):
            pass


def _called(received: Received) -> Called:
    event = json.loads(received.body)
    return Called(event["event_id"], event["data"]["job_id"], event["event_type"])


@asynccontextmanager
async def deployed(servers: Servers, folder: Path, **variables: str) -> AsyncIterator[Deployment]:
    """Lay out a deployment of its own on the servers; its workers are killed at the end."""
    bucket, database = servers.s3.bucket(), servers.postgres.database()
    queue = f"faults.{folder.name}.{time.time_ns()}"
    env = environment(
        folder,
        {
            **offered(folder),
            "JOB_QUEUE_ENDPOINT": servers.rabbitmq.amqp_url,
            "JOB_QUEUE_NAME": queue,
            "JOB_QUEUE_HEARTBEAT_SECONDS": "2",
            "DATABASE_URL": database,
            "S3_ENDPOINT_URL": servers.s3.endpoint_url,
            "S3_UPLOAD_BUCKET": bucket,
            "S3_OUTPUT_BUCKET": bucket,
            "AWS_ACCESS_KEY_ID": servers.s3.access_key_id,
            "AWS_SECRET_ACCESS_KEY": servers.s3.secret_access_key,
            "AWS_REGION": servers.s3.region,
            "LOG_FORMAT": "json",
            "JOB_LEASE_SECONDS": "2",
            "SWEEP_INTERVAL_SECONDS": "0.2",
            "JOB_RETRY_DELAY_SECONDS": "0.2",
            "JOB_MAX_ATTEMPTS": "3",
            **variables,
        },
    )
    async with get_session().create_client(
        "s3",
        endpoint_url=servers.s3.endpoint_url,
        region_name=servers.s3.region,
        aws_access_key_id=servers.s3.access_key_id,
        aws_secret_access_key=servers.s3.secret_access_key,
    ) as client:
        deployment = Deployment(servers, folder, queue, database, bucket, env, client)
        await deployment.prepare()
        try:
            yield deployment
        finally:
            for replica in deployment.replicas:
                replica.end()
