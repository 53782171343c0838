"""The table of the embedded queue: one SQL statement a step, so that no step needs a transaction of several.

SQLite begins a writing statement with the write lock; two workers can therefore never claim the same message.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosqlite
import anyio

from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, StorageFull, WorkerError
from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import Queue

_BUSY_TIMEOUT_S = 5.0
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS queue_messages (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        id TEXT NOT NULL,
        body BLOB NOT NULL,
        headers TEXT NOT NULL,
        deliveries INTEGER NOT NULL DEFAULT 0,
        holder TEXT,
        lease_until REAL NOT NULL DEFAULT 0,
        died_at REAL
    )""",
    "CREATE INDEX IF NOT EXISTS queue_waiting ON queue_messages (queue, sequence) WHERE died_at IS NULL",
    "CREATE INDEX IF NOT EXISTS queue_dead ON queue_messages (queue, died_at) WHERE died_at IS NOT NULL",
)
_CLAIM = """UPDATE queue_messages SET holder = :holder, lease_until = :until, deliveries = deliveries + 1
    WHERE sequence = (
        SELECT oldest FROM (
            SELECT turn.key AS place, (
                SELECT sequence FROM queue_messages
                WHERE queue = turn.value AND died_at IS NULL AND lease_until <= :now
                ORDER BY sequence LIMIT 1) AS oldest
            FROM json_each(:queues) AS turn)
        WHERE oldest IS NOT NULL ORDER BY place LIMIT 1)
    RETURNING sequence, deliveries, queue, id, body, headers"""
_REMOVE = """DELETE FROM queue_messages
    WHERE sequence = :sequence AND holder = :holder AND deliveries = :delivery RETURNING sequence"""
_GIVE_BACK = """UPDATE queue_messages SET holder = NULL, lease_until = 0
    WHERE sequence = :sequence AND holder = :holder AND deliveries = :delivery RETURNING sequence"""
_BURY = """UPDATE queue_messages SET holder = NULL, died_at = :now, headers = :headers, queue = :queue
    WHERE sequence = :sequence AND holder = :holder AND deliveries = :delivery RETURNING sequence"""
_RENEW = """UPDATE queue_messages SET lease_until = :until
    WHERE holder = :holder AND sequence IN (SELECT value FROM json_each(:sequences))"""
_DEPTHS = """SELECT queue, SUM(lease_until <= :now), SUM(lease_until > :now) FROM queue_messages
    WHERE died_at IS NULL AND substr(queue, 1, length(:family)) = :family GROUP BY queue"""
_NEXT_DEAD = """SELECT sequence, died_at, id, body, headers FROM queue_messages
    WHERE queue = :queue AND died_at IS NOT NULL AND (died_at, sequence) > (:died_at, :sequence) AND died_at <= :until
    ORDER BY died_at, sequence LIMIT 1"""
_UNUSABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_PRIMARY_CODE = 0xFF
"""Extended result codes carry the primary one in their lowest byte."""


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A claimed message; ``delivery`` counts its claims and tells an old holder from the present one."""

    sequence: int
    delivery: int
    message: Message


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A dead letter and its place among the others."""

    sequence: int
    died_at: float
    message: Message


@dataclass(frozen=True, slots=True)
class QueueCount:
    """Messages of one queue: free ones, and ones under a live lease."""

    queue: str
    ready: int
    held: int


class MessageTable:
    """Every statement about the queue. Times are seconds of the machine's wall clock, equal for all its processes."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, holder: str) -> None:
        self._connection = connection
        self._path = path
        self._holder = holder

    async def append(self, queue: str, message: Message) -> None:
        """Add a message; it is on the disk afterwards."""
        await self._run(
            "INSERT INTO queue_messages (queue, id, body, headers) VALUES (?, ?, ?, ?)",
            (queue, message.id, message.body, json.dumps(dict(message.headers))),
        )

    async def append_dead(self, queue: str, message: Message, reasons: dict[str, str]) -> None:
        """Add a dead letter, which has the headers of its message and ``reasons``."""
        await self._run(
            "INSERT INTO queue_messages (queue, id, body, headers, died_at) VALUES (?, ?, ?, ?, ?)",
            (queue, message.id, message.body, json.dumps({**message.headers, **reasons}), time.time()),
        )

    async def claim(self, queues: Mapping[str, Queue], *, lease_s: float) -> HeldMessage | None:
        """Take the oldest message that nobody holds, of the first queue that has one."""
        now = time.time()
        values = {"holder": self._holder, "until": now + lease_s, "queues": json.dumps(list(queues)), "now": now}
        rows = await self._run(_CLAIM, values)
        for sequence, delivery, queue, message_id, body, headers in rows:
            priority = found if isinstance(found := queues[queue], Priority) else Priority.MEDIUM
            message = Message(body, message_id, json.loads(headers), priority)
            return HeldMessage(sequence, delivery, message)
        return None

    async def renew(self, sequences: Collection[int], *, lease_s: float) -> None:
        """Extend the leases of messages that this holder still has."""
        values = {"until": time.time() + lease_s, "holder": self._holder, "sequences": json.dumps(list(sequences))}
        await self._run(_RENEW, values)

    async def remove(self, held: HeldMessage) -> None:
        """Delete a held message."""
        await self._settle(_REMOVE, held)

    async def give_back(self, held: HeldMessage) -> None:
        """Free a held message; it keeps its place in the order."""
        await self._settle(_GIVE_BACK, held)

    async def bury(self, held: HeldMessage, queue: str, reasons: dict[str, str]) -> None:
        """Make a held message a dead letter of ``queue`` and add headers to it."""
        await self._settle(_BURY, held, headers=json.dumps({**held.message.headers, **reasons}), queue=queue)

    async def give_back_all(self) -> None:
        """Free everything that this holder has."""
        await self._run(
            "UPDATE queue_messages SET holder = NULL, lease_until = 0 WHERE holder = ? AND died_at IS NULL",
            (self._holder,),
        )

    async def counts(self, family: str) -> Sequence[QueueCount]:
        """Count the messages of all queues whose name begins with ``family``; empty queues are not known."""
        rows = await self._run(_DEPTHS, {"now": time.time(), "family": family})
        return [QueueCount(queue, ready, held) for queue, ready, held in rows]

    async def dead(self, queue: str, *, limit: int) -> Sequence[Message]:
        """Read dead letters, oldest first."""
        rows = await self._run(
            "SELECT body, id, headers FROM queue_messages WHERE queue = ? AND died_at IS NOT NULL"
            " ORDER BY died_at, sequence LIMIT ?",
            (queue, limit),
        )
        return [Message(body, message_id, json.loads(headers)) for body, message_id, headers in rows]

    async def dead_after(self, queue: str, last: DeadMessage | None, *, until: float) -> DeadMessage | None:
        """Read the oldest dead letter after ``last`` that died no later than ``until``."""
        values = {
            "queue": queue,
            "died_at": last.died_at if last else 0,
            "sequence": last.sequence if last else 0,
            "until": until,
        }
        for sequence, died_at, message_id, body, headers in await self._run(_NEXT_DEAD, values):
            return DeadMessage(sequence, died_at, Message(body, message_id, json.loads(headers)))
        return None

    async def remove_dead(self, dead: DeadMessage) -> None:
        """Delete a dead letter; one that has gone is fine."""
        await self._run("DELETE FROM queue_messages WHERE sequence = ? AND died_at IS NOT NULL", (dead.sequence,))

    async def _settle(self, statement: str, held: HeldMessage, *, headers: str = "", queue: str = "") -> None:
        values = {
            "sequence": held.sequence,
            "delivery": held.delivery,
            "holder": self._holder,
            "now": time.time(),
            "headers": headers,
            "queue": queue,
        }
        if not await self._run(statement, values):
            raise BackendUnavailable(f"the lease of message {held.message.id} expired; it is delivered again")

    async def _run(self, statement: str, values: Sequence[object] | Mapping[str, object]) -> list[sqlite3.Row]:
        try:  # rows are fetched in the same step, so that no cursor keeps a lock
            return list(await self._connection.execute_fetchall(statement, values))
        except (sqlite3.Error, ValueError) as error:
            raise storage_error(error, self._path) from error


@asynccontextmanager
async def open_table(path: Path, holder: str) -> AsyncIterator[MessageTable]:
    """Open the file, create what is missing, and give the table.

    Raises:
        ConfigurationError: the file cannot be created or is no database.
        BackendUnavailable: another program keeps it locked.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = await aiosqlite.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"SQLITE_PATH: {path} cannot be opened: {error}") from error
    try:
        await _prepare(connection, path)
        yield MessageTable(connection, path, holder)
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


def storage_error(error: sqlite3.Error | ValueError, path: Path) -> WorkerError:
    """Judge a failure of SQLite. ``ValueError`` is how aiosqlite says that the connection is closed."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_FULL:
        return StorageFull(f"no space is left for the queue {path}")
    return BackendUnavailable(f"the queue {path} does not answer: {error}")


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    try:
        await _switch_to_wal(connection)
        await connection.execute_fetchall("PRAGMA synchronous = FULL")  # a published message survives a power failure
        for statement in _SCHEMA:
            await connection.execute_fetchall(statement)
    except sqlite3.Error as error:
        if (error.sqlite_errorcode & _PRIMARY_CODE) in _UNUSABLE:
            raise ConfigurationError(f"SQLITE_PATH: {path} cannot be used: {error}") from error
        raise storage_error(error, path) from error


async def _switch_to_wal(connection: aiosqlite.Connection) -> None:
    """Set the journal mode. SQLite does not wait here when another process switches at the same moment."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            await anyio.sleep(0.05)
        else:
            return
