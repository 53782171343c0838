"""Events as the outbox keeps them, with the calls of webhooks that they make due."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from llamaparse_worker.errors import InvalidJob
from llamaparse_worker.model.job import OutboxEvent
from llamaparse_worker.model.webhook import Webhook
from llamaparse_worker.wire.clock import utc_now
from llamaparse_worker.wire.event import JobEvent
from llamaparse_worker.wire.message import read_message, webhooks_of
from llamaparse_worker.wire.webhook import calls_about


def outbox_event(event: JobEvent, webhooks: Sequence[Webhook] = ()) -> OutboxEvent:
    """Give the event an id, under which it is stored and sent, however often and to whomever."""
    event_id = str(uuid.uuid4())
    calls = tuple(calls_about(event, event_id, webhooks, at=utc_now().timestamp()))
    return OutboxEvent(event_id, event.kind, event.model_dump_json().encode(), calls)


def webhooks_in(body: bytes) -> tuple[Webhook, ...]:
    """Give the webhooks that a stored message names; none where it is no message to this version."""
    try:
        return webhooks_of(read_message(body))
    except InvalidJob:
        return ()
