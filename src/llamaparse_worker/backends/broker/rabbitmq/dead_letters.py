"""The dead-letter queue: written to by workers, and gone through by hand.

Whoever goes through it holds each letter unacknowledged until the channel closes.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq.abc
import anyio
import structlog
from aio_pika.abc import AbstractChannel

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.link import Link, Links
from llamaparse_worker.backends.broker.rabbitmq.messages import delivery_tag, incoming, outgoing
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import DeadLetter, Message
from llamaparse_worker.model.dead_letter import Death

log = structlog.get_logger(__name__)

_ALL = 0
"""The delivery tag that stands for every message of a channel (AMQP 0-9-1, basic.nack)."""


class RabbitMqDeadLetter:
    """One dead letter that RabbitMQ counts as unacknowledged."""

    def __init__(self, channel: aiormq.abc.AbstractChannel, delivered: aiormq.abc.DeliveredMessage) -> None:
        self._channel = channel
        self._tag = delivery_tag(delivered)
        self._message = incoming(delivered)

    @property
    def message(self) -> Message:
        """The message with the headers of its death."""
        return self._message

    async def remove(self) -> None:
        """Acknowledge it. RabbitMQ answers when the channel closes: one lost before that is there again."""
        with answered("removing a dead letter"):
            await self._channel.basic_ack(self._tag)


async def publish_letter(publishing: Links, queue: str, message: Message, death: Death) -> None:
    """Append a dead letter; returns once RabbitMQ has confirmed it, and raises when the queue is missing."""
    letter = outgoing(message, kind=queue, added=death.headers())
    link = await publishing.current()
    with answered(f"publishing to {queue}"):
        await link.channel.default_exchange.publish(letter, routing_key=queue, mandatory=True)


@asynccontextmanager
async def take_letters(link: Link, queue: str) -> AsyncIterator[AsyncIterator[DeadLetter]]:
    """Give the letters that are ready now; those that were not removed are put back in their order.

    A quorum queue answers questions from a state that may lag behind what it was told, but takes what it is told in
    order: when it answers the last question, letters are on their way back, and whoever gets one next finds them.

    Raises:
        BackendUnavailable: RabbitMQ does not answer, or the queue is missing.
    """
    channel = link.connection.channel(publisher_confirms=False)
    try:
        with answered(f"looking at the queue {queue}"):
            await channel.initialize()
            await channel.declare_queue(queue, passive=True)
        underlay = await channel.get_underlay_channel()
        yield _letters(underlay, queue)
        with answered(f"leaving the queue {queue}"):
            await underlay.basic_nack(_ALL, multiple=True, requeue=True)
            await channel.declare_queue(queue, passive=True)
            await channel.close()
    finally:
        with anyio.CancelScope(shield=True):
            await _abandon(channel)


async def _letters(channel: aiormq.abc.AbstractChannel, queue: str) -> AsyncIterator[DeadLetter]:
    """Give as many letters as there are when the first one is got, which is told how many others there are."""
    first = delivered = await _next(channel, queue)
    for number in itertools.count():
        if delivered.delivery_tag is None:
            return
        yield RabbitMqDeadLetter(channel, delivered)
        if number >= (first.message_count or 0):
            return
        delivered = await _next(channel, queue)


async def _next(channel: aiormq.abc.AbstractChannel, queue: str) -> aiormq.abc.DeliveredMessage:
    with answered(f"reading the queue {queue}"):
        return await channel.basic_get(queue)


async def _abandon(channel: AbstractChannel) -> None:
    """Close a channel that may be closed or broken already."""
    try:
        with answered("closing the channel"):
            await channel.close()
    except BackendUnavailable as error:
        log.debug("broker.close_failed", reason=error.message)
