"""What the job store needs of a database driver. Knows no table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

Value = str | bytes | int | float | timedelta | None
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Queries that each database asks in its own way."""

    product: str
    """Gives one row with the column ``product``: name and version."""
    has_schema: str
    """Gives one row with the column ``present``: whether the table ``schema_version`` exists."""
    each: str
    """Gives a row for each text in the JSON list ``:texts``."""


class Connection(Protocol):
    """One connection inside a transaction."""

    async def fetch(self, statement: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run one statement with ``:name`` placeholders; names that it does not use are ignored."""
        ...

    async def script(self, script: str) -> None:
        """Run several statements without values."""
        ...


class Database(Protocol):
    """A database in whose statements ``now()`` is the clock and ``now() + :span`` adds a ``timedelta``.

    Raises:
        BackendUnavailable: it does not answer.
        StorageFull: its disk is full.
        ConfigurationError: it was never reached with these settings, or has no schema.
    """

    @property
    def dialect(self) -> Dialect:
        """What this database asks differently."""
        ...

    async def fetch(self, statement: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run one statement in a transaction of its own."""
        ...

    async def fetch_then(self, first: str, then: str, values: Mapping[str, Value]) -> Sequence[Row]:
        """Run ``first``, and if it gave rows ``then`` as well, both or neither; gives the rows of ``first``.

        ``then`` is an ``INSERT ... SELECT`` without ``FROM``: a database may put both into one statement, which saves
        round trips.
        """
        ...

    def transaction(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[Connection]:
        """Commit at the end, roll back on any exception. At most one exclusive transaction runs at a time."""
        ...
