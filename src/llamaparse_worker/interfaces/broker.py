"""A durable queue with leases and dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import OutboxEvent, Priority
from llamaparse_worker.model.queues import RANGES, Queue

RANGE_HEADER: Final = "x-first-page"
"""The header that makes a message one of a page range; the rest of it is the message of its job."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the broker carries it."""

    body: bytes
    id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    priority: Priority = Priority.MEDIUM
    """How urgent its job is; a dead letter does not tell."""

    @property
    def queue(self) -> Queue:
        """The queue of the family that it goes to, or came from."""
        return RANGES if RANGE_HEADER in self.headers else self.priority


class Delivery(Protocol):
    """One message in the hands of this worker. Exactly one of the three settling calls is made, once.

    Raises:
        BackendUnavailable: the broker is away; the message will come again.
    """

    @property
    def message(self) -> Message:
        """The message as published."""
        ...

    async def acknowledge(self) -> None:
        """Remove the message: its effect is durable elsewhere."""
        ...

    async def requeue(self) -> None:
        """Give the message back, to be delivered again at once, here or elsewhere."""
        ...

    async def dead_letter(self, death: Death) -> None:
        """Move the message to the dead-letter queue, with the headers that tell of its death."""
        ...


class DeadLetter(Protocol):
    """One dead letter in the hands of an operator's command."""

    @property
    def message(self) -> Message:
        """The message with its own headers and those that tell of its death."""
        ...

    async def remove(self) -> None:
        """Delete it for good; one that has gone meanwhile is fine.

        Raises:
            BackendUnavailable: the broker is away; the dead letter may still be there.
        """
        ...


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue of the family. ``unacknowledged`` is None where the broker does not tell."""

    name: str
    ready: int
    unacknowledged: int | None
    consumers: int
    healthy: bool = True


class Broker(Protocol):
    """A durable queue with leases and dead letters. Every call may raise ``BackendUnavailable``."""

    async def publish(self, message: Message) -> None:
        """Append to the message's queue; returns once the message is durable."""
        ...

    async def bury(self, message: Message, death: Death) -> None:
        """Append to the dead-letter queue what is in no hands; returns once the dead letter is durable."""
        ...

    async def announce(self, event: OutboxEvent) -> None:
        """Tell the event to whoever listens, at least once; that nobody does is fine."""
        ...

    def consume(self, *, prefetch: int) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Take messages of all queues, never more than ``prefetch`` unsettled ones at once.

        Each queue gets its share by ``model.queues.Turns``. The iterator ends when the context is left. Deliveries
        that were taken stay settleable until the broker component itself closes; those not yet taken from the iterator
        are given back when the context is left.
        """
        ...

    async def depths(self) -> Sequence[QueueDepth]:
        """Count the queues of the job family, the default one first; dead letters are not among them."""
        ...

    async def dead_letters(self, *, limit: int) -> Sequence[Message]:
        """Show up to ``limit`` dead letters, oldest first, without removing them."""
        ...

    def take_dead_letters(self) -> AbstractAsyncContextManager[AsyncIterator[DeadLetter]]:
        """Go through the dead letters that are there now, oldest first; those that come meanwhile are left out.

        Each may be removed until the context is left; then the others are where they were. Meanwhile another client
        may not see them.
        """
        ...

    async def ping(self) -> str:
        """Give the product and version when it answers."""
        ...
