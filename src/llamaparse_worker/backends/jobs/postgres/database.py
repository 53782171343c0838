"""PostgreSQL as the job store's database: a pool that heals itself, and asyncpg's errors as ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from llamaparse_worker.backends.jobs.sql.database import Dialect, Row, Value
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, StorageFull, WorkerError

_NAME = re.compile(r"(?<!:):([a-z_]+)")
_DIALECT = Dialect(
    product="SELECT 'PostgreSQL ' || current_setting('server_version') AS product",
    has_schema="SELECT to_regclass('schema_version') IS NOT NULL AS present",
    each="SELECT jsonb_array_elements_text(CAST(:texts AS jsonb))",
)
_EXCLUSIVE_KEY = 7_306_945_810
"""The advisory lock of exclusive transactions; any number that no other program on the database takes."""
_BRIEF = "SELECT set_config('idle_in_transaction_session_timeout', '5s', true)"
"""A worker that is stopped in the middle, as on a suspended machine, would keep all others from the rows that it has
written: the server ends its session instead."""
_EXCLUSIVE = """
SELECT set_config('idle_in_transaction_session_timeout', '5s', true), pg_advisory_xact_lock($1),
    set_config('lock_timeout', '5s', true)
"""
"""Nobody but the holder of the lock waits for rows, and not for long: all others wait for it, also to start."""
_SCRIPT_TIMEOUT_S = 600.0

_MALFORMED = (ValueError, OverflowError)
"""What asyncpg raises for an address that it cannot read; too large a port is an overflow."""
_REFUSED_AT_LOGIN = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_AWAY = (
    *_REFUSED_AT_LOGIN,  # once it has worked, a password is being changed or the database moved
    OSError,  # the time limit as well
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process stood still
    asyncpg.ReadOnlySQLTransactionError,  # a failover has made this server the standby
    asyncpg.InvalidCachedStatementError,  # a newer worker has just migrated the schema
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_NOT_PREPARED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InsufficientPrivilegeError)

log = structlog.get_logger()


@lru_cache
def positional(statement: str) -> tuple[str, tuple[str, ...]]:
    """Turn ``:name`` placeholders into ``$1``, ``$2`` ...; gives the statement and the names in that order."""
    names = tuple(dict.fromkeys(_NAME.findall(statement)))
    return _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names


class PostgresConnection:
    """One connection inside a transaction."""

    def __init__(self, connection: PoolConnectionProxy[asyncpg.Record]) -> None:
        self._connection = connection

    async def fetch(self, statement: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run one statement."""
        query, names = positional(statement)
        rows = await self._connection.fetch(query, *(values[name] for name in names))
        return [dict(row) for row in rows]

    async def script(self, script: str) -> None:
        """Run several statements; they may rebuild a large table, so the usual time limit does not hold."""
        await self._connection.execute(script, timeout=_SCRIPT_TIMEOUT_S)


class PostgresDatabase:
    """The pool. It connects on first use: a database that is away at the start is waited for by who calls."""

    def __init__(self, url: str, *, pool_size: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._reached = False
        self.pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=pool_size,
            timeout=timeout_s,
            command_timeout=timeout_s,
            init=self._remember_reached,
            reset=_keep,
            server_settings={"application_name": "llamaparse-worker"},
        )

    @property
    def dialect(self) -> Dialect:
        """PostgreSQL's own queries."""
        return _DIALECT

    async def fetch(self, statement: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run one statement in a transaction of its own."""
        async with self._connection() as connection:
            return await PostgresConnection(connection).fetch(statement, values)

    async def fetch_then(self, first: str, then: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run both as one statement: a transaction around them would take three more round trips."""
        both = f"WITH given AS ({first}), added AS ({then} FROM given) SELECT * FROM given"  # noqa: S608 - our own texts
        return await self.fetch(both, values)

    @asynccontextmanager
    async def transaction(self, *, exclusive: bool = False) -> AsyncIterator[PostgresConnection]:
        """Commit at the end, roll back on any exception."""
        async with self._connection() as connection, connection.transaction(isolation="read_committed"):
            if exclusive:
                await connection.execute(_EXCLUSIVE, _EXCLUSIVE_KEY)
            else:
                await connection.execute(_BRIEF)
            yield PostgresConnection(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        with self._translated():
            async with self.pool.acquire(timeout=self._timeout_s) as connection:
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except asyncpg.DataError:
            raise  # a value of the wrong type: our mistake
        except (*_AWAY, *_MALFORMED, asyncpg.PostgresError) as error:
            known = self._judge(error)
            if known is None:
                raise
            # The text of a malformed address can hold the password: neither text nor chain goes on.
            raise known from None if isinstance(error, _MALFORMED) else error

    def _judge(self, error: Exception) -> WorkerError | None:
        if isinstance(error, asyncpg.DiskFullError):
            return StorageFull(f"PostgreSQL: {error}")
        if not self._reached and (wrong := _wrong_address(error)):
            return wrong
        if isinstance(error, _NOT_PREPARED):
            return ConfigurationError(f"DATABASE_URL: {error}; run `llamaparse-worker migrate` as the schema's owner")
        if isinstance(error, TimeoutError):
            return BackendUnavailable(f"PostgreSQL: no answer within {self._timeout_s:g} s")
        return BackendUnavailable(f"PostgreSQL: {error}") if isinstance(error, _AWAY) else None

    async def _remember_reached(self, _: object) -> None:
        if not self._reached:
            log.info("jobs.connected", product="PostgreSQL")
        self._reached = True


def _wrong_address(error: Exception) -> ConfigurationError | None:
    if isinstance(error, _MALFORMED):
        return ConfigurationError("DATABASE_URL: cannot be read as postgresql://user:password@host:port/database")
    if isinstance(error, _REFUSED_AT_LOGIN):
        return ConfigurationError(f"DATABASE_URL: PostgreSQL refuses the login: {error}")
    return None


async def _keep(_: object) -> None:
    """Leave the session as it is: nothing here changes one, and a reset would be another round trip."""
