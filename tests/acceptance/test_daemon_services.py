"""The daemon with RabbitMQ, PostgreSQL and S3, fed by a producer that knows the message format and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import anyio
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aiobotocore.session import get_session
from types_aiobotocore_s3 import S3Client

from llamaparse_worker.testing.reader import script
from support import documents
from support.daemon import alive, command, daemon, descendants, environment, scripted, until
from support.services import Postgres, RabbitMq, S3Server

pytestmark = pytest.mark.anyio

QUEUE = "parse_raw_file_job"


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.bucket()


@pytest.fixture
def env(tmp_path: Path, rabbitmq: RabbitMq, postgres: Postgres, s3: S3Server, bucket: str) -> dict[str, str]:
    return environment(
        tmp_path,
        {
            **scripted(tmp_path),
            "JOB_QUEUE_ENDPOINT": rabbitmq.amqp_url,
            "JOB_QUEUE_USERNAME": rabbitmq.username,
            "JOB_QUEUE_PASSWORD": rabbitmq.password,
            "JOB_QUEUE_NAME": QUEUE + tmp_path.name,
            "DATABASE_URL": postgres.database(),
            "S3_ENDPOINT_URL": s3.endpoint_url,
            "S3_UPLOAD_BUCKET": bucket,
            "S3_OUTPUT_BUCKET": bucket,
            "AWS_ACCESS_KEY_ID": s3.access_key_id,
            "AWS_SECRET_ACCESS_KEY": s3.secret_access_key,
            "AWS_REGION": s3.region,
            "LOG_FORMAT": "json",
            "JOB_LEASE_SECONDS": "2",
            "SWEEP_INTERVAL_SECONDS": "0.2",
            "JOB_RETRY_DELAY_SECONDS": "0.3",
        },
    )


@pytest.fixture
async def uploads(s3: S3Server) -> AsyncIterator[S3Client]:
    async with get_session().create_client(
        "s3",
        endpoint_url=s3.endpoint_url,
        region_name=s3.region,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=s3.secret_access_key,
    ) as client:
        yield client


@pytest.fixture
async def channel(rabbitmq: RabbitMq) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(rabbitmq.amqp_url, login=rabbitmq.username, password=rabbitmq.password)
    async with connection:
        yield await connection.channel()


@asynccontextmanager
async def listening(channel: AbstractChannel, queue_name: str) -> AsyncIterator[AbstractQueue]:
    """Listen to the events as a consumer of the deployment does."""
    exchange = await channel.get_exchange(f"events.{queue_name}", ensure=True)
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(exchange, "#")
    yield queue


async def publish(channel: AbstractChannel, queue_name: str, message: Mapping[str, object]) -> None:
    body = json.dumps(message).encode()
    await channel.default_exchange.publish(aio_pika.Message(body), routing_key=queue_name)


async def taken(queue: AbstractQueue, limit_s: float = 20) -> AbstractIncomingMessage:
    """Take the next message of a queue."""
    async with queue.iterator(timeout=limit_s) as messages:
        message = await anext(messages)
        await message.ack()
        return message


async def next_event(queue: AbstractQueue) -> dict[str, object]:
    found: dict[str, object] = json.loads((await taken(queue)).body)
    return found


async def keys(client: S3Client, bucket: str, prefix: str) -> set[str]:
    listed = await client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return {one["Key"] for one in listed.get("Contents", [])}


async def test_a_message_of_any_producer_becomes_objects_a_row_and_an_event(
    tmp_path: Path, env: dict[str, str], bucket: str, uploads: S3Client, channel: AbstractChannel
) -> None:
    content = documents.make(documents.prose(1), documents.prose(2))
    await uploads.put_object(Bucket=bucket, Key="in/report.pdf", Body=content)
    queue = env["JOB_QUEUE_NAME"]

    with daemon(env, tmp_path) as running:
        async with listening(channel, queue) as events:
            message = {"job_id": "plain-1", "source": f"s3://{bucket}/in/report.pdf", "output_prefix": "out"}
            await publish(channel, queue, message)
            await publish(channel, queue, message)
            await publish(channel, queue, {"job_id": "plain-2", "source": "in/missing.pdf", "output_prefix": "out"})
            await publish(channel, queue, {"job_id": "no job", "colour": "blue"})
            told = {str(event["job_id"]): event for event in [await next_event(events) for _ in range(2)]}
            letter = await taken(await channel.get_queue(f"dead_letters.{queue}"))
            await anyio.sleep(0.3)
            assert await events.get(fail=False) is None, "a message that came twice is one job with one event"
        assert running.get_json("/api/queue-statusz")["total_messages"] == 0

    assert told["plain-1"]["status"] == "COMPLETED"
    prefix = str(told["plain-1"]["result_prefix"])
    assert prefix.startswith("out/plain-1/1-")
    assert told["plain-2"]["error_code"] == "SOURCE_NOT_FOUND"
    names = {"result.md", "result.txt", "result.json", "manifest.json"}
    assert await keys(uploads, bucket, "out/") == {f"{prefix}/{name}" for name in names}
    assert letter.headers["x-error-code"] == "INVALID_JOB"
    row = json.loads(command(["status", "plain-1", "--json"], env).stdout)
    assert (row["status"], row["attempt"], row["file_name"]) == ("COMPLETED", 1, "report.pdf")
    assert "Section 2" in command(["result", "plain-1"], env).stdout


async def test_a_second_worker_ends_the_job_of_a_killed_one(
    tmp_path: Path, env: dict[str, str], bucket: str, uploads: S3Client, channel: AbstractChannel
) -> None:
    await uploads.put_object(Bucket=bucket, Key="slow", Body=script("slow 1.5", "text"))
    queue = env["JOB_QUEUE_NAME"]

    with daemon(env, tmp_path) as first, daemon(env, tmp_path) as second:
        await publish(channel, queue, {"job_id": "slow-1", "source": "slow"})
        until(lambda: bool(first.events("job.started") or second.events("job.started")), 10)
        killed, other = (first, second) if first.events("job.started") else (second, first)
        family = descendants(killed.process.pid)
        killed.kill()
        until(lambda: not alive(family), 5)
        settled = other.wait_event("job.settled", 20)
        until(lambda: any(event["outcome"] == "completed" for event in other.events("job.settled")), 20, why=other.log)

    assert settled["job"] == "slow-1"
    row = json.loads(command(["status", "slow-1", "--json"], env).stdout)
    assert (row["status"], row["attempt"]) == ("COMPLETED", 2)
    assert row["result_prefix"].startswith("results/slow-1/2-")


async def test_a_second_worker_reads_only_what_a_killed_one_has_not(
    tmp_path: Path, env: dict[str, str], bucket: str, uploads: S3Client, channel: AbstractChannel
) -> None:
    pages, page_s = 30, 0.2
    await uploads.put_object(Bucket=bucket, Key="long", Body=script(*[f"slow {page_s}"] * pages))
    env = {**env, "CHECKPOINT_SECONDS": "0.5", "PAGE_RANGE_SIZE": "4", "PARSER_CONCURRENCY": "1"}
    queue = env["JOB_QUEUE_NAME"]

    with daemon(env, tmp_path) as first:
        await publish(channel, queue, {"job_id": "long-1", "source": "long", "output_prefix": "out"})
        until(lambda: sum(event["pages"] for event in first.events("checkpoint.written")) >= pages / 2, 30)
        first.kill()
    assert await keys(uploads, bucket, "out/long-1/checkpoints/")
    with daemon(env, tmp_path) as second:

        def completed() -> list[tuple[str, int, int]]:
            ended = [event for event in second.events("job.settled") if event["outcome"] == "completed"]
            return [(event["job"], event["attempt"], event["pages"]) for event in ended]

        restored = second.wait_event("checkpoint.restored", 30)
        await publish(channel, queue, {"job_id": "whole-1", "source": "long", "output_prefix": "out"})
        until(lambda: len(completed()) == 2, 30, why=second.log)

    assert completed() == [("long-1", 2, pages), ("whole-1", 1, pages)]
    assert restored["pages"] >= pages / 2
    manifest = json.loads(command(["result", "long-1", "--file", "manifest.json"], env).stdout)
    assert manifest["durations_s"]["parse"] < pages * page_s, "less than it takes to read all pages"
    assert not await keys(uploads, bucket, "out/long-1/checkpoints/")
    results = [command(["result", job, "--file", "result.json"], env).stdout for job in ("long-1", "whole-1")]
    assert results[0] == results[1]


async def test_a_database_that_goes_away_while_a_job_runs_costs_nothing(
    tmp_path: Path,
    env: dict[str, str],
    bucket: str,
    uploads: S3Client,
    channel: AbstractChannel,
    postgres: Postgres,
) -> None:
    await uploads.put_object(Bucket=bucket, Key="slow", Body=script("slow 1", "text"))
    env = {**env, "JOB_LEASE_SECONDS": "20"}

    with daemon(env, tmp_path) as running:
        await publish(channel, env["JOB_QUEUE_NAME"], {"job_id": "patient", "source": "slow"})
        running.wait_event("job.started")
        postgres.stop(crash=True)
        try:
            until(lambda: running.get("/readyz")[0] == 503, 10, why=running.log)
            assert running.get("/livez")[0] == 200, "a restart would not bring the database back"
            assert running.get("/api/queue-statusz")[0] == 503, "an unknown number is no zero"
        finally:
            postgres.start()
        settled = running.wait_event("job.settled", 20)
        until(lambda: running.get("/readyz")[0] == 200, 15, why=running.log)

    assert (settled["job"], settled["attempt"], settled["outcome"]) == ("patient", 1, "completed")


async def test_submit_and_check_work_against_the_same_services(tmp_path: Path, env: dict[str, str]) -> None:
    report = tmp_path / "report.pdf"
    report.write_bytes(documents.make(documents.prose(1)))

    with daemon(env, tmp_path):
        done = await anyio.to_thread.run_sync(
            lambda: command(["submit", str(report), "--wait", "--output", str(tmp_path / "out")], env)
        )
        checked = await anyio.to_thread.run_sync(lambda: command(["check"], env))

    assert done.returncode == 0, done.stderr
    assert "Section 1" in (tmp_path / "out/report.pdf/result.md").read_text()
    assert checked.returncode == 0, checked.stdout
    assert "ok      broker rabbitmq: RabbitMQ" in checked.stdout
    assert "ok      jobs postgres: PostgreSQL" in checked.stdout
