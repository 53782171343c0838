"""A broker in memory for tests, which can be taken down and can lose its consumers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel
from pydantic import BaseModel, ConfigDict

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Broker, Component, DeadLetter, Delivery, Message, QueueDepth
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import OutboxEvent, Priority
from llamaparse_worker.model.queues import WEIGHTS, Queue, Turns, queue_name


@dataclass(eq=False, slots=True)
class _Entry:
    message: Message
    holder: MemoryDelivery | None = None


class MemoryBroker:
    """A ``Broker`` whose messages live as long as the object. All of its state may be read by tests."""

    def __init__(self, name: str = "parse_raw_file_job") -> None:
        self.name = name
        self.down = False
        """While it is true, every call raises ``BackendUnavailable``, and deliveries cannot be settled."""
        self.buried: list[Message] = []
        self.announced: list[OutboxEvent] = []
        self.published: dict[str, list[Queue]] = {}
        """To which queues the message of an id went."""
        self._entries: list[_Entry] = []
        self._intakes: list[MemoryIntake] = []

    async def publish(self, message: Message) -> None:
        """Append to the message's queue."""
        await self.answer()
        self._entries.append(_Entry(message))
        self.published.setdefault(message.id, []).append(message.queue)
        self.wake()

    async def bury(self, message: Message, death: Death) -> None:
        """Add a dead letter to ``buried``."""
        await self.answer()
        self.buried.append(_letter(message, death))

    async def announce(self, event: OutboxEvent) -> None:
        """Add the event to ``announced``."""
        await self.answer()
        self.announced.append(event)

    @asynccontextmanager
    async def consume(self, *, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take messages, never more than ``prefetch`` unsettled ones at once."""
        intake = MemoryIntake(self, prefetch)
        self._intakes.append(intake)
        try:
            yield intake
        finally:
            self._intakes.remove(intake)
            intake.leave()

    async def depths(self) -> Sequence[QueueDepth]:
        """Count all queues of the family."""
        await self.answer()
        return sorted(map(self._depth, WEIGHTS), key=lambda depth: depth.name)

    def _depth(self, queue: Queue) -> QueueDepth:
        held = [entry.holder is not None for entry in self._entries if entry.message.queue is queue]
        return QueueDepth(queue_name(self.name, queue), held.count(False), held.count(True), len(self._intakes))

    async def dead_letters(self, *, limit: int) -> Sequence[Message]:
        """Show up to ``limit`` dead letters, oldest first."""
        await self.answer()
        return self.buried[:limit]

    @asynccontextmanager
    async def take_dead_letters(self) -> AsyncIterator[AsyncIterator[DeadLetter]]:
        """Go through ``buried``; nothing is hidden from others meanwhile."""
        await self.answer()
        yield self._letters(tuple(self.buried))

    async def _letters(self, messages: Sequence[Message]) -> AsyncIterator[DeadLetter]:
        for message in messages:
            await self.answer()
            yield MemoryDeadLetter(self, message)

    async def ping(self) -> str:
        """Give a name while the broker is not down."""
        await self.answer()
        return "memory"

    async def answer(self) -> None:
        """Let other tasks run, as a network call would.

        Raises:
            BackendUnavailable: the broker is down.
        """
        await anyio.lowlevel.checkpoint()
        if self.down:
            raise BackendUnavailable("the broker in memory is switched off")

    def lose_consumers(self) -> None:
        """Do what a lost connection does: every unsettled message is free again, its old delivery is void."""
        for entry in self._entries:
            entry.holder = None
        self.wake()

    def claim(self, intake: MemoryIntake) -> MemoryDelivery | None:
        """Give the oldest free message of the queue whose turn it is to an intake."""
        oldest = {entry.message.queue: entry for entry in reversed(self._entries) if entry.holder is None}
        for queue in intake.turns.order():
            if queue in oldest:
                entry = oldest[queue]
                intake.turns.took(queue)
                entry.holder = MemoryDelivery(self, entry.message)
                intake.taken.append(entry.holder)
                return entry.holder
        return None

    async def settle(self, delivery: MemoryDelivery, *, keep: bool) -> None:
        """End the hold of a delivery; ``keep`` leaves the message in the queue."""
        await self.answer()
        entry = next((entry for entry in self._entries if entry.holder is delivery), None)
        if entry is None:
            raise BackendUnavailable("the delivery is void; its message comes again")
        entry.holder = None
        if not keep:
            self._entries.remove(entry)
        self.wake()

    def holds(self, delivery: MemoryDelivery) -> bool:
        """Whether a delivery is unsettled."""
        return any(entry.holder is delivery for entry in self._entries)

    def wake(self) -> None:
        """Let every intake look again."""
        for intake in self._intakes:
            intake.changed.set()


class MemoryIntake:
    """The iterator of one ``consume`` context."""

    def __init__(self, broker: MemoryBroker, prefetch: int) -> None:
        self.changed = anyio.Event()
        self.turns = Turns()
        self.taken: list[MemoryDelivery] = []
        self._broker = broker
        self._prefetch = prefetch
        self._left = False

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        while not self._left:
            self.taken = [delivery for delivery in self.taken if self._broker.holds(delivery)]
            if len(self.taken) < self._prefetch and not self._broker.down:
                delivery = self._broker.claim(self)
                if delivery is not None:
                    return delivery
            await self.changed.wait()
            self.changed = anyio.Event()
        raise StopAsyncIteration

    def leave(self) -> None:
        """End the iteration, also where it waits."""
        self._left = True
        self.changed.set()


class MemoryDelivery:
    """One message taken from memory."""

    def __init__(self, broker: MemoryBroker, message: Message) -> None:
        self._broker = broker
        self._message = message

    @property
    def message(self) -> Message:
        """The message as published."""
        return self._message

    async def acknowledge(self) -> None:
        """Remove the message."""
        await self._broker.settle(self, keep=False)

    async def requeue(self) -> None:
        """Give the message back at its old place."""
        await self._broker.settle(self, keep=True)

    async def dead_letter(self, death: Death) -> None:
        """Move the message to ``buried``."""
        await self._broker.settle(self, keep=False)
        self._broker.buried.append(_letter(self._message, death))


def _letter(message: Message, death: Death) -> Message:
    return replace(message, headers={**message.headers, **death.headers()}, priority=Priority.MEDIUM)


class MemoryDeadLetter:
    """One of the messages in ``buried``."""

    def __init__(self, broker: MemoryBroker, message: Message) -> None:
        self._broker = broker
        self._message = message

    @property
    def message(self) -> Message:
        """The message with the headers of its death."""
        return self._message

    async def remove(self) -> None:
        """Take it out of ``buried``."""
        await self._broker.answer()
        self._broker.buried[:] = [one for one in self._broker.buried if one is not self._message]


class MemoryBrokerSettings(BaseModel):
    """The broker in memory has no settings."""

    model_config = ConfigDict(frozen=True)


@asynccontextmanager
async def open_memory(settings: MemoryBrokerSettings) -> AsyncIterator[Broker]:
    """Give an empty broker."""
    del settings
    yield MemoryBroker()


component: Component[MemoryBrokerSettings, Broker] = Component(settings=MemoryBrokerSettings, open=open_memory)
