"""Calls of webhooks."""

from __future__ import annotations

from typing import Protocol

from llamaparse_worker.model.webhook import WebhookRequest


class WebhookClient(Protocol):
    """Sends requests to whoever a message names."""

    async def post(self, request: WebhookRequest) -> int:
        """Send once; gives the HTTP status of the answer.

        Raises:
            WorkerError: there is no answer, or the address must not be called. The text names no more than the host.
        """
        ...
