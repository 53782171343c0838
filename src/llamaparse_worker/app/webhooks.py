"""Opens the client that calls webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from llamaparse_worker.backends.webhooks.client import open_webhooks
from llamaparse_worker.backends.webhooks.settings import WebhookSettings
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.settings import read
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.webhooks import CallPolicy, WebhookCalls


@asynccontextmanager
async def open_webhook_calls(jobs: JobStore, metrics: Metrics, *, interval_s: float) -> AsyncIterator[WebhookCalls]:
    """Give what calls webhooks, ready to run.

    Raises:
        ConfigurationError: a setting of the webhooks is wrong.
    """
    settings = read(WebhookSettings)
    policy = CallPolicy(
        concurrency=settings.webhook_concurrency,
        timeout_s=settings.webhook_timeout_seconds,
        retry_s=settings.webhook_retry_seconds,
    )
    async with open_webhooks(settings) as client:
        yield WebhookCalls(
            jobs,
            client,
            policy,
            interval_s=interval_s,
            on_call=metrics.webhook_called,
            on_waiting=metrics.webhooks_waiting,
            on_bug=lambda: metrics.background_error("webhooks"),
        )
