"""The RabbitMQ broker: at least once, in both directions.

Not the robust connection of aio-pika: who needs the connection makes it anew here. So a lost one is noticed by the
call that needs it, and a delivery never outlives its channel unseen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.dead_letters import publish_letter, take_letters
from llamaparse_worker.backends.broker.rabbitmq.intake import Intake
from llamaparse_worker.backends.broker.rabbitmq.link import Links, Purpose, address_of
from llamaparse_worker.backends.broker.rabbitmq.looking import QueueLook
from llamaparse_worker.backends.broker.rabbitmq.management import fetch_depths
from llamaparse_worker.backends.broker.rabbitmq.messages import outgoing
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Broker, Component, DeadLetter, Delivery, Message, QueueDepth
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import OutboxEvent, Priority

_PUBLISH_TIMEOUT_S = 10.0


class RabbitMqBroker:
    """A ``Broker`` of one RabbitMQ."""

    def __init__(self, publishing: Links, consuming: Links, settings: RabbitMqSettings) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._settings = settings
        self._look = QueueLook(publishing)

    async def publish(self, message: Message) -> None:
        """Append to the job queue; returns once RabbitMQ has confirmed it, and raises when the queue is missing.

        What has no queue of its own goes to the default one.
        """
        link = await self._publishing.current()
        name = self._settings.queue_of(message.queue if message.queue in link.queues else Priority.MEDIUM)
        with answered(f"publishing to {name}", timeout_s=_PUBLISH_TIMEOUT_S):
            await link.channel.default_exchange.publish(outgoing(message, kind=name), routing_key=name, mandatory=True)

    async def bury(self, message: Message, death: Death) -> None:
        """Append to the dead-letter queue, confirmed."""
        await publish_letter(self._publishing, self._settings.dead_letter_queue, message, death)

    async def announce(self, event: OutboxEvent) -> None:
        """Publish to the event exchange, confirmed; the routing key is the event's kind."""
        name = self._settings.event_exchange
        if not name:
            return
        link = await self._publishing.current()
        with answered(f"announcing to {name}", timeout_s=_PUBLISH_TIMEOUT_S):
            exchange = await link.channel.get_exchange(name, ensure=False)
            message = outgoing(Message(event.body, event.id), kind=event.kind)
            await exchange.publish(message, routing_key=event.kind, mandatory=False)

    @asynccontextmanager
    async def consume(self, *, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take messages of all queues, never more than ``prefetch`` unsettled ones; waits through outages."""
        intake = Intake(self._consuming, self._publishing, self._settings, prefetch)
        try:
            yield intake
        finally:
            await intake.leave()

    async def depths(self) -> Sequence[QueueDepth]:
        """Count the family by the management API; without its address only the ready ones of the job queues."""
        if self._settings.job_queue_management_url is not None:
            return await self._managed_depths(URL(self._settings.job_queue_management_url))
        link = await self._publishing.current()
        names = sorted(map(self._settings.queue_of, link.queues))
        return [await self._look.at(name) for name in names]

    async def dead_letters(self, *, limit: int) -> Sequence[Message]:
        """Show up to ``limit`` dead letters, oldest first."""
        found: list[Message] = []
        async with self.take_dead_letters() as letters:
            while len(found) < limit and (letter := await anext(letters, None)) is not None:
                found.append(letter.message)
        return found

    @asynccontextmanager
    async def take_dead_letters(self) -> AsyncIterator[AsyncIterator[DeadLetter]]:
        """Go through the dead letters that are there now; others do not see them meanwhile."""
        async with take_letters(await self._publishing.current(), self._settings.dead_letter_queue) as letters:
            yield letters

    async def ping(self) -> str:
        """Give the product and version when the job queue answers."""
        await self._look.at(self._settings.job_queue_name)
        return (await self._publishing.current()).product

    async def _managed_depths(self, address: URL) -> Sequence[QueueDepth]:
        name = self._settings.job_queue_name
        amqp = address_of(self._settings)
        authorization = aiohttp.encode_basic_auth(
            address.user or amqp.user or "", address.password or amqp.password or ""
        )
        found = await fetch_depths(
            address.with_user(None), authorization, vhost=amqp.path.removeprefix("/") or "/", family=name
        )
        if all(depth.name != name for depth in found):
            raise BackendUnavailable(f"the management API does not know the queue {name}")
        return found


@asynccontextmanager
async def open_rabbitmq(settings: RabbitMqSettings) -> AsyncIterator[Broker]:
    """Connect and ensure the queues; unsettled deliveries go back to the queue after closing.

    Raises:
        BackendUnavailable: RabbitMQ does not answer.
        ConfigurationError: it refuses the credentials, or a queue is missing or has other arguments.
    """
    publishing = Links(settings, Purpose.PUBLISHING)
    consuming = Links(settings, Purpose.CONSUMING)
    try:
        await publishing.current()
        yield RabbitMqBroker(publishing, consuming, settings)
    finally:
        await consuming.close()
        await publishing.close()


component: Component[RabbitMqSettings, Broker] = Component(settings=RabbitMqSettings, open=open_rabbitmq)
