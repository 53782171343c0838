"""Messages as AMQP carries them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import aio_pika
import aiormq.abc

from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import Queue

_APP_ID = "llamaparse-worker"
_COUNT = "x-delivery-count"
_REASON_LENGTH = 4000
"""All headers must fit into one frame of 128 KiB."""


def outgoing(message: Message, *, kind: str, added: Mapping[str, str] | None = None) -> aio_pika.Message:
    """Make a persistent AMQP message; ``added`` headers are shortened to what a frame holds."""
    shortened = {name: value[:_REASON_LENGTH] for name, value in (added or {}).items()}
    return aio_pika.Message(
        body=message.body,
        headers={**message.headers, **shortened},
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.id,
        correlation_id=message.id,
        timestamp=datetime.now(tz=UTC),
        type=kind,
        app_id=_APP_ID,
    )


def incoming(delivered: aiormq.abc.DeliveredMessage, queue: Queue = Priority.MEDIUM) -> Message:
    """Read a message of any client; header values become text, bytes that are none are replaced.

    A quorum queue adds its count to what it is asked for: of a first delivery this tells nothing, and is left out.
    """
    properties = delivered.header.properties
    found = properties.headers or {}
    headers = {str(name): _text(value) for name, value in found.items() if (name, value) != (_COUNT, 0)}
    priority = queue if isinstance(queue, Priority) else Priority.MEDIUM
    return Message(body=delivered.body, id=properties.message_id or "", headers=headers, priority=priority)


def delivery_tag(delivered: aiormq.abc.DeliveredMessage) -> int:
    """Give the number by which the channel knows a delivery; the broker always sends one."""
    return delivered.delivery_tag or 0


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bytes() | bytearray():
            return value.decode("utf-8", errors="replace")
        case _:
            return str(value)
