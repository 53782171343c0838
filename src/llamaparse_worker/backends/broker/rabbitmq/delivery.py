"""One message in the hands of the worker, and the three ways to settle it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiormq.abc
import anyio

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.dead_letters import publish_letter
from llamaparse_worker.backends.broker.rabbitmq.link import Link, Links
from llamaparse_worker.backends.broker.rabbitmq.messages import delivery_tag, incoming
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.queues import Queue


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as it came over the wire, and the queue that it came from."""

    queue: Queue
    delivered: aiormq.abc.DeliveredMessage


_REFUSED_PAUSE_S = 2.0
"""With the time limits of publishing and requeueing less than what a worker gives a settlement."""


class RabbitMqDelivery:
    """One message that RabbitMQ counts as unacknowledged."""

    def __init__(
        self,
        link: Link,
        publishing: Links,
        settings: RabbitMqSettings,
        fetched: Fetched,
        *,
        on_settled: Callable[[], None],
    ) -> None:
        self._link = link
        self._publishing = publishing
        self._settings = settings
        self._tag = delivery_tag(fetched.delivered)
        self._message = incoming(fetched.delivered, fetched.queue)
        self._on_settled = on_settled

    @property
    def message(self) -> Message:
        """The message as published."""
        return self._message

    async def acknowledge(self) -> None:
        """Remove the message."""
        with self._settling("acknowledging"):
            await self._link.lower.basic_ack(self._tag)

    async def requeue(self) -> None:
        """Give the message back."""
        with self._settling("requeueing"):
            await self._link.lower.basic_nack(self._tag, requeue=True)

    async def dead_letter(self, death: Death) -> None:
        """Publish to the dead-letter queue, confirmed, then acknowledge: between the two it exists twice, never not.

        When it cannot be published, the message goes back to its queue after a pause: as long as it is unsettled it
        counts against the prefetch, while one that came back at once would use up its deliveries within seconds.
        """
        if self._link.lost:
            raise BackendUnavailable("dead-lettering: the connection was lost")
        try:
            await publish_letter(self._publishing, self._settings.dead_letter_queue, self._message, death)
        except BackendUnavailable:
            with self._settling("pausing"):
                await anyio.sleep(_REFUSED_PAUSE_S)
            await self.requeue()
            raise
        except BaseException:
            self._link.lose()
            raise
        await self.acknowledge()

    @contextmanager
    def _settling(self, step: str) -> Iterator[None]:
        """A link that does not take a settlement is given up: only its end makes the message come again."""
        try:
            with answered(step):
                yield
        except BaseException:
            self._link.lose()
            raise
        finally:
            self._on_settled()
