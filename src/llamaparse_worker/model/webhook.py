"""Webhooks that a job names, and the calls that are owed to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class WebhookEvent(StrEnum):
    """What a webhook can be told of a job; the first two are accepted and never sent."""

    PENDING = "parse.pending"
    RUNNING = "parse.running"
    SUCCESS = "parse.success"
    PARTIAL_SUCCESS = "parse.partial_success"
    """The job is COMPLETED, and some of its pages failed."""
    ERROR = "parse.error"
    CANCELLED = "parse.cancelled"


NEVER_SENT = frozenset({WebhookEvent.PENDING, WebhookEvent.RUNNING})


class WebhookFormat(StrEnum):
    """How the body of a call holds the event."""

    STRING = "string"
    """As a JSON string whose content is JSON again."""
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Whom to tell about a job, of what, and how. Address, headers and secret never go into a log."""

    url: str = field(repr=False)
    host: str
    """With the port where the address names one: what may be logged, and whose calls wait for each other."""
    events: frozenset[WebhookEvent]
    headers: Mapping[str, str] = field(repr=False)
    format: WebhookFormat
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One call of one webhook about an event, as it is written together with the event."""

    position: int
    """Which of the webhooks of the job's message, from 0: address and secret stay in the message."""
    host: str
    event: WebhookEvent
    body: bytes
    """The same bytes whenever it is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCall:
    """A call that nobody has answered yet."""

    event_id: str
    call: WebhookCall
    job_id: str
    tries: int
    """How often it was tried in vain."""
    age: timedelta
    """The time since the event, by the clock of the store."""
    message: bytes = field(repr=False)
    """The message of the job, which names the webhook."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A signed POST."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
