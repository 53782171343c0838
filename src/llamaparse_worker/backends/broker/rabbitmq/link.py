"""A connection with its channel, and how the next one replaces it.

Both die together: a closed channel means that its deliveries are lost, and the broker hands them out again only once
the connection is closed too. Publishing and consuming have a link each: RabbitMQ stops reading from a connection that
publishes when it is short of memory, and acknowledgements must not wait behind that.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import aio_pika
import aiormq.abc
import anyio
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AuthenticationError, ProbableAuthenticationError
from yarl import URL

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.backends.broker.rabbitmq.topology import ensure_topology
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError
from llamaparse_worker.model.queues import Queue

_CLOSE_TIMEOUT_S = 3.0

log = structlog.get_logger(__name__)


class Purpose(StrEnum):
    """What a link is for."""

    PUBLISHING = "publishing"
    """Every message is confirmed, and one that fits no queue raises."""
    CONSUMING = "consuming"


class Link:
    """A live connection. ``lost`` is set for ever once any part of it closed."""

    def __init__(
        self,
        connection: AbstractConnection,
        channel: AbstractChannel,
        lower: aiormq.abc.AbstractChannel,
        queues: frozenset[Queue],
    ) -> None:
        self.connection = connection
        self.channel = channel
        self.lower = lower
        """The same channel without aio-pika, which would drop messages whose properties it cannot read."""
        self.queues = queues
        """Those of the family that exist."""
        self.lost = False
        self._watchers: set[Callable[[], None]] = set()

    def watch(self, on_loss: Callable[[], None]) -> None:
        """Call when the link is lost."""
        self._watchers.add(on_loss)

    def unwatch(self, on_loss: Callable[[], None]) -> None:
        """Forget a watcher."""
        self._watchers.discard(on_loss)

    def lose(self, *_reason: object) -> None:
        """Count the link as lost; safe to repeat."""
        if not self.lost:
            self.lost = True
            log.warning("broker.connection_lost")
            for on_loss in tuple(self._watchers):
                on_loss()

    @property
    def product(self) -> str:
        """Name and version of the server."""
        transport = self.connection.transport
        found = transport.connection.server_properties if transport else {}
        return f"{found.get('product', 'AMQP broker')!s} {found.get('version', '')!s}".strip()

    async def close(self) -> None:
        """Close the connection; unsettled deliveries go back to the queue. Never raises, and takes a short time."""
        self.lost = True
        with anyio.CancelScope(shield=True):
            await _close(self.connection)


class Links:
    """Gives the live link for one purpose, and makes a new one when the last is lost."""

    def __init__(self, settings: RabbitMqSettings, purpose: Purpose) -> None:
        self._settings = settings
        self._purpose = purpose
        self._link: Link | None = None
        self._connecting = anyio.Lock()
        self._failures = 0
        self._failure = ""
        self._opened_before = False
        self._closed = False

    async def current(self) -> Link:
        """Give the live link; all who ask at once share one attempt and its failure.

        Raises:
            BackendUnavailable: no connection could be made.
            ConfigurationError: the first connection shows that the settings cannot work.
        """
        failures = self._failures
        async with self._connecting:
            if self._closed:
                raise BackendUnavailable("the broker component is closed")
            if self._link is None or self._link.lost:
                if self._failures > failures:
                    raise BackendUnavailable(self._failure)
                self._link = await self._replace(self._link)
            return self._link

    async def close(self) -> None:
        """Close the live link for good."""
        self._closed = True
        if self._link is not None:
            await self._link.close()

    async def _replace(self, old: Link | None) -> Link:
        if old is not None:
            await old.close()
        try:
            link = await open_link(self._settings, self._purpose)
        except (BackendUnavailable, ConfigurationError) as error:
            self._failures += 1
            self._failure = error.message
            if self._opened_before:  # it worked before: a running worker waits, whatever the reason
                raise BackendUnavailable(error.message) from error
            raise
        self._opened_before = True
        log.info("broker.connected", endpoint=endpoint_of(self._settings), purpose=self._purpose, server=link.product)
        return link


async def open_link(settings: RabbitMqSettings, purpose: Purpose) -> Link:
    """Connect, ensure the queues, and open the channel.

    Raises:
        BackendUnavailable: RabbitMQ does not answer.
        ConfigurationError: it refuses the credentials or the queues.
    """
    connection = aio_pika.Connection(_url(settings, purpose))
    try:
        with answered(f"RabbitMQ at {endpoint_of(settings)}", timeout_s=settings.job_queue_connect_timeout_seconds):
            await _connect(connection, settings)
            queues = await ensure_topology(connection, settings)
            link = await _with_channel(connection, purpose, queues)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await _close(connection)
        raise
    return link


def address_of(settings: RabbitMqSettings) -> URL:
    """Give the address with credentials."""
    if settings.job_queue_connection_string is not None:
        return URL(settings.job_queue_connection_string.get_secret_value())
    password = settings.job_queue_password.get_secret_value()
    return URL(settings.job_queue_endpoint).with_user(settings.job_queue_username).with_password(password)


def endpoint_of(settings: RabbitMqSettings) -> str:
    """Give the address without credentials and parameters, for texts and logs."""
    url = address_of(settings)
    return f"{url.scheme}://{url.host}:{url.port or 5672}"


async def _connect(connection: AbstractConnection, settings: RabbitMqSettings) -> None:
    try:
        await connection.connect()
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise ConfigurationError(
            f"RabbitMQ at {endpoint_of(settings)} refuses JOB_QUEUE_USERNAME and JOB_QUEUE_PASSWORD,"
            " or those of JOB_QUEUE_CONNECTION_STRING"
        ) from error


async def _with_channel(connection: AbstractConnection, purpose: Purpose, queues: frozenset[Queue]) -> Link:
    publishes = purpose is Purpose.PUBLISHING
    channel = connection.channel(publisher_confirms=publishes, on_return_raises=publishes)
    await channel.initialize()
    lower = await channel.get_underlay_channel()
    link = Link(connection, channel, lower, queues)
    lower.closing.add_done_callback(link.lose)
    lower.on_consumer_cancel_callbacks.add(link.lose)
    return link


async def _close(connection: AbstractConnection) -> None:
    try:
        with answered("closing", timeout_s=_CLOSE_TIMEOUT_S):
            await connection.close()
    except BackendUnavailable as error:
        log.debug("broker.close_failed", reason=error.message)


def _url(settings: RabbitMqSettings, purpose: Purpose) -> URL:
    return address_of(settings).update_query(
        {"heartbeat": str(settings.job_queue_heartbeat_seconds), "name": f"llamaparse-worker {purpose}"}
    )
