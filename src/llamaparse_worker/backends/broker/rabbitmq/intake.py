"""Taking messages: a reception that is made again whenever the connection was."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import anyio
import structlog

from llamaparse_worker.backends.broker.rabbitmq.delivery import RabbitMqDelivery
from llamaparse_worker.backends.broker.rabbitmq.link import Links
from llamaparse_worker.backends.broker.rabbitmq.reception import Reception
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Delivery
from llamaparse_worker.model.queues import Turns

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0

log = structlog.get_logger(__name__)


class Intake:
    """The iterator of one ``consume`` context. It waits through outages and goes on by itself."""

    def __init__(self, links: Links, publishing: Links, settings: RabbitMqSettings, prefetch: int) -> None:
        self._links = links
        self._publishing = publishing
        self._settings = settings
        self._prefetch = prefetch
        self._turns = Turns()
        self._reception: Reception | None = None
        self._left = False
        self._waiting = anyio.CancelScope()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        with anyio.CancelScope() as self._waiting:
            while not self._left:
                reception = await self._connected()
                fetched = await reception.next()
                if fetched is not None:
                    return RabbitMqDelivery(
                        reception.link, self._publishing, self._settings, fetched, on_settled=reception.settled
                    )
        raise StopAsyncIteration

    async def leave(self) -> None:
        """End the iteration, also where it waits; give back what was not taken from it. Never raises."""
        self._left = True
        self._waiting.cancel()
        if self._reception is not None:
            with anyio.CancelScope(shield=True):
                await self._reception.end()

    async def _connected(self) -> Reception:
        pause_s = _FIRST_PAUSE_S
        while self._reception is None or self._reception.link.lost:
            try:
                link = await self._links.current()
            except BackendUnavailable as error:
                log.warning("broker.unavailable", reason=error.message, retry_in_s=round(pause_s, 1))
                await anyio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 -- spreads workers, no secret
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._reception = Reception(link, self._settings, self._turns, self._prefetch)
        return self._reception
