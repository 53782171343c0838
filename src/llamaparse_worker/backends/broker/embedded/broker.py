"""The embedded queue: the same promises as a broker, kept by one SQLite file.

A message belongs to its holder while the lease lasts, which a task renews; a killed holder's messages are free once it
expired. Nothing is fetched ahead: a message is claimed at the moment it is taken.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import anyio
import structlog

from llamaparse_worker.backends.broker.embedded.changes import Changes
from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.backends.broker.embedded.table import DeadMessage, HeldMessage, MessageTable, open_table
from llamaparse_worker.errors import TransientError
from llamaparse_worker.interfaces import Broker, Component, DeadLetter, Delivery, Message, QueueDepth
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import OutboxEvent
from llamaparse_worker.model.queues import WEIGHTS, Turns, queue_name

log = structlog.get_logger(__name__)


class EmbeddedBroker:
    """A ``Broker`` of one file; several processes of one machine may share it."""

    def __init__(self, table: MessageTable, settings: EmbeddedQueueSettings) -> None:
        self._table = table
        self._settings = settings
        self.changes = Changes(settings.sqlite_path)
        self._held: dict[int, HeldMessage] = {}
        self._intakes = 0

    async def publish(self, message: Message) -> None:
        """Append to the message's queue; returns once the message is durable."""
        await self._table.append(queue_name(self._settings.job_queue_name, message.queue), message)
        self.changes.announce()

    async def bury(self, message: Message, death: Death) -> None:
        """Append to the dead letters; returns once the dead letter is durable."""
        await self._table.append_dead(self._settings.job_queue_name, message, death.headers())

    @asynccontextmanager
    async def consume(self, *, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take messages of all queues, never more than ``prefetch`` unsettled ones at once."""
        intake = Intake(self, prefetch)
        self._intakes += 1
        try:
            yield intake
        finally:
            self._intakes -= 1
            intake.leave()

    async def announce(self, event: OutboxEvent) -> None:
        """Do nothing: nobody can listen to a file. Whoever waits for a job asks the job store."""

    async def depths(self) -> Sequence[QueueDepth]:
        """Count the queues of the family; consumers are those of this process."""
        name = self._settings.job_queue_name
        own = {queue_name(name, queue) for queue in WEIGHTS}
        found = {count.queue: count for count in await self._table.counts(name)}
        return [
            QueueDepth(
                queue,
                found[queue].ready if queue in found else 0,
                found[queue].held if queue in found else 0,
                self._intakes if queue in own else 0,
            )
            for queue in sorted({*own, *found})
        ]

    async def dead_letters(self, *, limit: int) -> Sequence[Message]:
        """Show up to ``limit`` dead letters, oldest first, without removing them."""
        return await self._table.dead(self._settings.job_queue_name, limit=limit)

    @asynccontextmanager
    async def take_dead_letters(self) -> AsyncIterator[AsyncIterator[DeadLetter]]:
        """Go through the dead letters that are there now; nothing is hidden from others meanwhile."""
        yield self._letters(time.time())

    async def _letters(self, until: float) -> AsyncIterator[DeadLetter]:
        last: DeadMessage | None = None
        while (last := await self._table.dead_after(self._settings.job_queue_name, last, until=until)) is not None:
            yield EmbeddedDeadLetter(self._table, last)

    async def ping(self) -> str:
        """Give the product and version when the file can be read."""
        await self._table.counts(self._settings.job_queue_name)
        return f"SQLite {sqlite3.sqlite_version}"

    async def claim(self, turns: Turns) -> HeldMessage | None:
        """Take one message of the queue whose turn it is; its lease is renewed from now on."""
        queues = {queue_name(self._settings.job_queue_name, queue): queue for queue in turns.order()}
        held = await self._table.claim(queues, lease_s=self._settings.embedded_queue_lease_seconds)
        if held is not None:
            turns.took(held.message.queue)
            self._held[held.sequence] = held
        return held

    @property
    def family(self) -> str:
        """Name of the default queue, which the dead letters of all belong to."""
        return self._settings.job_queue_name

    @contextmanager
    def settling(self, held: HeldMessage) -> Iterator[MessageTable]:
        """Settle within this context. Its end ends the renewal, failed or not: what stays in the file comes again."""
        try:
            yield self._table
        finally:
            if self._held.get(held.sequence) is held:
                del self._held[held.sequence]
            self.changes.announce()

    async def keep_leases(self) -> None:
        """Renew the leases of all held messages, for ever."""
        lease_s = self._settings.embedded_queue_lease_seconds
        while True:
            await anyio.sleep(lease_s / 3)
            if self._held:
                try:
                    await self._table.renew(tuple(self._held), lease_s=lease_s)
                except TransientError as error:
                    log.warning("broker.lease_not_renewed", held=len(self._held), reason=error.message)


class Intake:
    """The iterator of one ``consume`` context."""

    def __init__(self, broker: EmbeddedBroker, prefetch: int) -> None:
        self._broker = broker
        self._prefetch = prefetch
        self._turns = Turns()
        self._unsettled = 0
        self._left = False
        self._waiting = anyio.CancelScope()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        with anyio.CancelScope() as self._waiting:
            while not self._left:
                stamp = self._broker.changes.stamp()
                if self._unsettled >= self._prefetch:
                    await self._broker.changes.announced_since(stamp)
                    continue
                held = await self._claim()
                if held is not None:
                    return EmbeddedDelivery(self, held, self._broker.family)
                await self._broker.changes.since(stamp)
        raise StopAsyncIteration

    def leave(self) -> None:
        """End the iteration, also where it waits."""
        self._left = True
        self._waiting.cancel()

    @contextmanager
    def settling(self, held: HeldMessage) -> Iterator[MessageTable]:
        """Settle within this context; its end makes room for another message."""
        with self._broker.settling(held) as table:
            try:
                yield table
            finally:
                self._unsettled -= 1

    async def _claim(self) -> HeldMessage | None:
        with anyio.CancelScope(shield=True):  # a claim cut off half-way would hide the message until its lease ends
            held = await self._broker.claim(self._turns)
            if held is not None:
                self._unsettled += 1
                if self._left:
                    with self.settling(held) as table:
                        await table.give_back(held)
                    held = None
        return held


class EmbeddedDelivery:
    """One claimed message."""

    def __init__(self, intake: Intake, held: HeldMessage, family: str) -> None:
        self._intake = intake
        self._held = held
        self._family = family

    @property
    def message(self) -> Message:
        """The message as published."""
        return self._held.message

    async def acknowledge(self) -> None:
        """Remove the message."""
        with self._intake.settling(self._held) as table:
            await table.remove(self._held)

    async def requeue(self) -> None:
        """Give the message back at its old place."""
        with self._intake.settling(self._held) as table:
            await table.give_back(self._held)

    async def dead_letter(self, death: Death) -> None:
        """Make the message a dead letter."""
        with self._intake.settling(self._held) as table:
            await table.bury(self._held, self._family, death.headers())


class EmbeddedDeadLetter:
    """One dead letter of the file."""

    def __init__(self, table: MessageTable, dead: DeadMessage) -> None:
        self._table = table
        self._dead = dead

    @property
    def message(self) -> Message:
        """The message with the headers of its death."""
        return self._dead.message

    async def remove(self) -> None:
        """Delete it for good."""
        await self._table.remove_dead(self._dead)


@asynccontextmanager
async def open_embedded(settings: EmbeddedQueueSettings) -> AsyncIterator[Broker]:
    """Open the queue file, which is created when missing; held messages are free again after closing.

    Raises:
        ConfigurationError: the file cannot be created or is no database.
    """
    async with open_table(settings.sqlite_path, uuid.uuid4().hex) as table:
        broker = EmbeddedBroker(table, settings)
        # Not a task group: it would wrap whatever the caller's block raises in an exception group.
        renewing = asyncio.create_task(broker.keep_leases())
        try:
            yield broker
        finally:
            with anyio.CancelScope(shield=True):
                renewing.cancel()
                await asyncio.wait({renewing})
                await table.give_back_all()


component: Component[EmbeddedQueueSettings, Broker] = Component(settings=EmbeddedQueueSettings, open=open_embedded)
