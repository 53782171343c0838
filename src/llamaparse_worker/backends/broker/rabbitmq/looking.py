"""Looks at queues without changing them.

One channel serves all looks, and a new one only where it closed: a look at a missing queue closes it. Each channel
leaves something behind in its connection until that closes, which in a worker that is asked every few seconds adds up.
"""

from __future__ import annotations

import anyio
from aio_pika.abc import AbstractChannel

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.link import Link, Links
from llamaparse_worker.interfaces import QueueDepth

_LOOK_TIMEOUT_S = 5.0


class QueueLook:
    """Looks at queues over the live link of ``links``."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._link: Link | None = None
        self._channel: AbstractChannel | None = None
        self._turn = anyio.Lock()

    async def at(self, name: str) -> QueueDepth:
        """Count the ready messages and the consumers of a queue.

        Raises:
            BackendUnavailable: RabbitMQ does not answer, or has no such queue.
        """
        async with self._turn:
            link = await self._links.current()
            with answered(f"looking at the queue {name}", timeout_s=_LOOK_TIMEOUT_S):
                channel = await self._channel_of(link)
                counted = await (await channel.get_underlay_channel()).queue_declare(name, passive=True)
        return QueueDepth(name, counted.message_count or 0, None, counted.consumer_count or 0)

    async def _channel_of(self, link: Link) -> AbstractChannel:
        if self._channel is None or self._link is not link or self._channel.is_closed:
            self._link, self._channel = link, link.connection.channel(publisher_confirms=False)
            await self._channel.initialize()
        return self._channel
