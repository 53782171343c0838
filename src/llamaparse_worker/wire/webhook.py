"""Webhooks in a message, and what they are told: events, bodies, signatures."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.webhook import (
    OwedCall,
    Webhook,
    WebhookCall,
    WebhookEvent,
    WebhookFormat,
    WebhookRequest,
)
from llamaparse_worker.wire.event import JobEvent
from llamaparse_worker.wire.strict import Strict

MOST_WEBHOOKS = 10
USER_AGENT = "llamaparse-worker-webhooks/1"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    {
        *("connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive"),
        *("lc-signature", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("user-agent", "x-webhook-event-id", "x-webhook-event-type"),
    }
)
"""Headers that frame the request, or say who sends what."""


def _is_https(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("cannot be read as an address") from None
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("must be an https:// address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must name no user; put credentials into the headers")
    return url


def _can_be_sent(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("a name or value is no HTTP header")
        if name.lower() in _OURS:
            raise ValueError(f"{name.lower()} is set by the worker itself")
    return headers


_Url = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_is_https)]
_Events = Annotated[tuple[WebhookEvent, ...], Field(min_length=1, max_length=len(WebhookEvent))]
_Value = Annotated[str, Field(max_length=4096)]
_Headers = Annotated[dict[str, _Value], Field(max_length=32), AfterValidator(_can_be_sent)]
_Secret = Annotated[str, Field(min_length=1, max_length=1024)]


class WebhookTarget(Strict):
    """Whom to tell about the end of the job."""

    url: _Url = Field(repr=False, description="An https:// address; a public one, unless WEBHOOK_HOSTS names its host")
    events: _Events | None = Field(
        default=None, description="Default: all; parse.pending and parse.running are accepted and never sent"
    )
    headers: _Headers = Field(default={}, repr=False, description="Sent with each call, such as Authorization")
    output_format: WebhookFormat = Field(
        default=WebhookFormat.STRING, description="json: the body is the event; string: a JSON string that holds it"
    )
    signing_secret: _Secret | None = Field(
        default=None,
        repr=False,
        description="Key of the header LC-Signature: sha256=<HMAC-SHA256 of the body in hexadecimal>",
    )


class WebhookConfiguration(Strict):
    """A webhook by the names of the LlamaParse v2 API."""

    webhook_url: _Url = Field(repr=False)
    webhook_events: _Events | None = None
    webhook_headers: _Headers | None = Field(default=None, repr=False)
    webhook_output_format: WebhookFormat | None = None
    webhook_signing_secret: _Secret | None = Field(default=None, repr=False)

    def target(self) -> WebhookTarget:
        """Give the same by the names of the message."""
        given = self.model_dump(exclude_none=True)
        return WebhookTarget.model_validate({name.removeprefix("webhook_"): value for name, value in given.items()})


def webhook_of(target: WebhookTarget) -> Webhook:
    """Give the webhook with its defaults."""
    parts = urlsplit(target.url)
    host = parts.hostname or ""
    return Webhook(
        url=target.url,
        host=f"{host}:{parts.port}" if parts.port else host,
        events=frozenset(WebhookEvent if target.events is None else target.events),
        headers=target.headers,
        format=target.output_format,
        secret=target.signing_secret,
    )


def webhook_event(event: JobEvent) -> WebhookEvent:
    """Say in the words of webhooks how a job ended."""
    match event.status:
        case JobStatus.COMPLETED:
            return WebhookEvent.PARTIAL_SUCCESS if event.pages.failed else WebhookEvent.SUCCESS
        case JobStatus.FAILED:
            return WebhookEvent.ERROR
        case JobStatus.CANCELLED:
            return WebhookEvent.CANCELLED


def calls_about(event: JobEvent, event_id: str, webhooks: Sequence[Webhook], *, at: float) -> Iterator[WebhookCall]:
    """Give the calls of the webhooks that listen to this event; ``at`` is its time in seconds since 1970."""
    kind = webhook_event(event)
    told = {
        "event_id": event_id,
        "event_type": kind.value,
        "timestamp": at,
        "data": {"id": event.job_id, "job_id": event.job_id},
    }
    plain = json.dumps(told)
    for position, webhook in enumerate(webhooks):
        if kind in webhook.events:
            body = plain if webhook.format is WebhookFormat.JSON else json.dumps(plain)
            yield WebhookCall(position, webhook.host, kind, body.encode())


def request_of(owed: OwedCall, webhook: Webhook) -> WebhookRequest:
    """Give the signed request of a call."""
    headers = {
        **webhook.headers,
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Webhook-Event-ID": owed.event_id,
        "X-Webhook-Event-Type": owed.call.event.value,
    }
    if webhook.secret is not None:
        headers["LC-Signature"] = signature(webhook.secret, owed.call.body)
    return WebhookRequest(webhook.url, headers, owed.call.body)


def signature(secret: str, body: bytes) -> str:
    """Give the value of the header ``LC-Signature``."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
