"""Taking messages: a subscription that is made again whenever the connection was."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator

import aiormq.abc
import anyio
import structlog

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.delivery import RabbitMqDelivery
from llamaparse_worker.backends.broker.rabbitmq.link import Link, Links
from llamaparse_worker.backends.broker.rabbitmq.messages import delivery_tag
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Delivery

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_SUBSCRIBE_TIMEOUT_S = 20.0
"""A quorum queue answers only when it has a leader again, which takes a while after a restart."""

log = structlog.get_logger(__name__)


class Intake:
    """The iterator of one ``consume`` context. It waits through outages and subscribes again by itself."""

    def __init__(self, links: Links, publishing: Links, settings: RabbitMqSettings, prefetch: int) -> None:
        self._links = links
        self._publishing = publishing
        self._settings = settings
        self._prefetch = prefetch
        self._subscription: Subscription | None = None
        self._left = False
        self._waiting = anyio.CancelScope()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        with anyio.CancelScope() as self._waiting:
            while not self._left:
                subscription = await self._subscribed()
                delivered = await subscription.next()
                if delivered is not None:
                    return RabbitMqDelivery(subscription.link, self._publishing, self._settings, delivered)
        raise StopAsyncIteration

    async def leave(self) -> None:
        """End the iteration, also where it waits; give back what was fetched ahead. Never raises."""
        self._left = True
        self._waiting.cancel()
        if self._subscription is not None:
            with anyio.CancelScope(shield=True):
                await self._subscription.end()

    async def _subscribed(self) -> Subscription:
        pause_s = _FIRST_PAUSE_S
        while self._subscription is None or self._subscription.link.lost:
            try:
                link = await self._links.current()
                self._subscription = await subscribe(link, self._settings.job_queue_name, self._prefetch)
            except BackendUnavailable as error:
                log.warning("broker.unavailable", reason=error.message, retry_in_s=round(pause_s, 1))
                await anyio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 -- spreads workers, no secret
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return self._subscription


class Subscription:
    """One consumer on one link, with the messages that were fetched ahead."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.consumer_tag = ""
        self._fetched: deque[aiormq.abc.DeliveredMessage] = deque()
        self._changed = anyio.Event()
        self._ended = False

    async def next(self) -> aiormq.abc.DeliveredMessage | None:
        """Wait for a message; None when the link is lost, with everything that was fetched over it."""
        while not self.link.lost:
            if self._fetched:
                return self._fetched.popleft()
            self._changed = anyio.Event()
            await self._changed.wait()
        return None

    async def receive(self, delivered: aiormq.abc.DeliveredMessage) -> None:
        """Keep a message that the broker sent."""
        self._fetched.append(delivered)
        self.wake()
        if self._ended:
            await self._give_back()

    def wake(self) -> None:
        """Let ``next`` look again."""
        self._changed.set()

    async def end(self) -> None:
        """Cancel the consumer and give the fetched messages back; a lost link has done so already."""
        self._ended = True
        self.link.unwatch(self.wake)
        try:
            with answered("cancelling the consumer"):
                await self.link.lower.basic_cancel(self.consumer_tag)
        except BackendUnavailable as error:
            log.debug("broker.cancel_failed", reason=error.message)
        await self._give_back()

    async def _give_back(self) -> None:
        try:
            with answered("giving messages back"):
                while self._fetched:
                    await self.link.lower.basic_nack(delivery_tag(self._fetched.popleft()), requeue=True)
        except BackendUnavailable as error:
            log.debug("broker.give_back_failed", reason=error.message)


async def subscribe(link: Link, queue: str, prefetch: int) -> Subscription:
    """Start a consumer with a prefetch of its own. A link on which this fails is lost.

    Raises:
        BackendUnavailable: the link is lost.
    """
    subscription = Subscription(link)
    link.watch(subscription.wake)
    try:
        with answered("subscribing", timeout_s=_SUBSCRIBE_TIMEOUT_S):
            async with link.subscribing:
                await link.lower.basic_qos(prefetch_count=prefetch)
                begun = await link.lower.basic_consume(queue, subscription.receive)
    except BackendUnavailable:
        link.unwatch(subscription.wake)
        link.lose()
        raise
    subscription.consumer_tag = begun.consumer_tag or ""
    return subscription
