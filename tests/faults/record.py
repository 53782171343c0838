"""Records and reads, from outside, what becomes of jobs: rows, result files, events and dead letters."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import asyncpg
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from types_aiobotocore_s3 import S3Client

from faults.history import Letter, Row, Told, Turn

_RECORD_TURNS = """
CREATE TABLE turns (number bigserial, at timestamptz, job text, was text, status text, attempt integer, token text,
    lease_was_until timestamptz);
CREATE FUNCTION record_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO turns (at, job, status, attempt, token)
        VALUES (clock_timestamp(), NEW.id, NEW.status, NEW.attempt, NEW.lease_token);
    ELSIF NEW.status = 'RUNNING' AND NEW.attempt < OLD.attempt THEN
        RETURN NULL; -- its worker has split it: it stays RUNNING, and nobody was given it
    ELSIF (OLD.status, OLD.attempt, OLD.lease_token) IS DISTINCT FROM (NEW.status, NEW.attempt, NEW.lease_token) THEN
        INSERT INTO turns (at, job, was, status, attempt, token, lease_was_until)
        VALUES (clock_timestamp(), NEW.id, OLD.status, NEW.status, NEW.attempt, NEW.lease_token, OLD.lease_until);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER record_turns AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION record_turn();
"""


async def record_turns(database: str) -> None:
    """Have the database itself record each turn of each job, in the transaction that makes it."""
    connection = await asyncpg.connect(database)
    await connection.execute(_RECORD_TURNS)
    await connection.close()


async def read_jobs(database: str) -> tuple[list[Turn], Mapping[str, Row]]:
    """Give all turns, oldest first, and the rows by job."""
    connection = await asyncpg.connect(database)
    try:
        turns = await connection.fetch(
            "SELECT at, job, was, status, attempt, token, lease_was_until FROM turns ORDER BY number"
        )
        rows = await connection.fetch("SELECT id, status, attempt, result_prefix, error_code FROM jobs")
    finally:
        await connection.close()
    ended = {
        row["id"]: Row(
            status=row["status"],
            attempt=row["attempt"],
            result_prefix=row["result_prefix"],
            error_code=row["error_code"],
        )
        for row in rows
    }
    return [Turn(**dict(turn)) for turn in turns], ended


async def take_events(channel: AbstractChannel, queue: str) -> list[Told]:
    """Take all events that the queue has kept."""
    events = [(message.message_id or "", json.loads(message.body)) async for message in _taken(channel, queue)]
    return [Told(event_id, event["job_id"], event["status"]) for event_id, event in events]


async def take_letters(channel: AbstractChannel, queue: str) -> list[Letter]:
    """Take all dead letters."""
    return [
        Letter(json.loads(message.body)["job_id"], str(message.headers.get("x-error-code", "")))
        async for message in _taken(channel, queue)
    ]


async def list_files(client: S3Client, bucket: str, prefix: str) -> frozenset[str]:
    """Give all keys below the prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return frozenset([one["Key"] async for page in pages for one in page.get("Contents", [])])


async def read_text(client: S3Client, bucket: str, key: str) -> str:
    """Give an object as text."""
    answer = await client.get_object(Bucket=bucket, Key=key)
    async with answer["Body"] as body:
        content: bytes = await body.read()
    return content.decode()


async def _taken(channel: AbstractChannel, queue: str) -> AsyncIterator[AbstractIncomingMessage]:
    source = await channel.get_queue(queue)
    while (message := await source.get(fail=False)) is not None:
        await message.ack()
        yield message
