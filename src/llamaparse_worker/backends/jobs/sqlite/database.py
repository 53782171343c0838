"""SQLite as the job store's database: one connection in a thread of its own, and its errors as ours."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import aiosqlite
import anyio
from anyio import to_thread

from llamaparse_worker.backends.jobs.sql.database import Dialect, Row, Value
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, StorageFull, WorkerError

_DIALECT = Dialect(
    product="SELECT 'SQLite ' || sqlite_version() AS product",
    has_schema="SELECT count(*) AS present FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
    each="SELECT value FROM json_each(:texts)",
)
_UNUSABLE = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
)
_AWAY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL})
_PRIMARY_CODE = 0xFF
"""The lower byte of an extended result code."""
_WAL_RETRY_S = 0.02


class SqliteConnection:
    """The connection inside a transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run one statement; a span of time becomes seconds."""
        bound = {name: one.total_seconds() if isinstance(one, timedelta) else one for name, one in values.items()}
        rows = await self._connection.execute_fetchall(statement, bound)
        return [dict(row) for row in rows]

    async def script(self, script: str) -> None:
        """Run several statements one by one: ``executescript`` would commit the transaction first."""
        for statement in _split(script):
            await self._connection.execute_fetchall(statement)


class SqliteDatabase:
    """One connection, which tasks use in turn; other processes are waited for by SQLite itself."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._turn = anyio.Lock()

    @property
    def dialect(self) -> Dialect:
        """SQLite's own queries."""
        return _DIALECT

    async def fetch(self, statement: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run one statement in a transaction of its own."""
        async with self._turn:
            with translated():
                return await SqliteConnection(self._connection).fetch(statement, values)

    async def fetch_then(self, first: str, then: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run both in one transaction."""
        async with self.transaction() as connection:
            rows = await connection.fetch(first, values)
            if rows:
                await connection.fetch(then, values)
            return rows

    @asynccontextmanager
    async def transaction(self, *, exclusive: bool = False) -> AsyncIterator[SqliteConnection]:
        """Commit at the end, roll back on any exception. A file has one writer, so each one is exclusive."""
        del exclusive
        async with self._turn:
            with translated():
                try:
                    await self._connection.execute_fetchall("BEGIN IMMEDIATE")
                    yield SqliteConnection(self._connection)
                    await self._connection.commit()
                finally:
                    # Without effect after a commit. Queued behind whatever a cancelled caller no longer waits for.
                    with anyio.CancelScope(shield=True):
                        await self._connection.rollback()


@asynccontextmanager
async def connect(path: Path, *, timeout_s: float) -> AsyncIterator[aiosqlite.Connection]:
    """Open the file, creating it and its folder.

    Raises:
        ConfigurationError: it cannot be created or is not a SQLite file.
        BackendUnavailable: another process keeps it locked.
    """
    with translated(f"SQLITE_PATH: {path}: "):
        # Outside aiosqlite, whose thread outlives an attempt to connect that failed.
        await to_thread.run_sync(_prepare_file, path, timeout_s)
        connection = await aiosqlite.connect(path, timeout=timeout_s, isolation_level=None)
    try:
        with translated(f"SQLITE_PATH: {path}: "):
            connection.row_factory = sqlite3.Row
            await connection.create_function("now", 0, time.time)
            await connection.execute_fetchall("PRAGMA foreign_keys = ON")
            # A claim or a result that was confirmed survives a power cut.
            await connection.execute_fetchall("PRAGMA synchronous = FULL")
        yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


@contextmanager
def translated(place: str = "SQLITE_PATH: ") -> Iterator[None]:
    """Turn what sqlite3 raises into our errors; ``place`` begins their text."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        known = _judge(error, place)
        if known is None:
            raise
        raise known from error


def _judge(error: sqlite3.Error, place: str) -> WorkerError | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_FULL:
        return StorageFull(f"{place}{error}")
    if code in _AWAY:
        return BackendUnavailable(f"{place}{error}")
    if code in _UNUSABLE:
        return ConfigurationError(f"{place}{error}")
    if str(error).startswith("no such table"):
        return ConfigurationError(f"SQLITE_PATH: {error}; run `llamaparse-worker migrate`")
    return None


def _prepare_file(path: Path, timeout_s: float) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"SQLITE_PATH: {path.parent} cannot be created: {error.strerror}") from error
    with closing(sqlite3.connect(path, timeout=timeout_s, isolation_level=None)) as connection:
        _use_wal(connection, timeout_s)


def _use_wal(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch to the write-ahead log. SQLite does not wait for the lock here when two processes switch at once."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_RETRY_S)
            continue
        if mode != "wal":
            raise ConfigurationError("SQLITE_PATH: lies where SQLite cannot share memory, such as a network folder")
        return


def _split(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
