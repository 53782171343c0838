"""Calls webhooks through the guard: public addresses and named exceptions, no redirects, nothing read of an answer.

No error text holds more of an address than its host: path and query may be a secret.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractResolver
from anyio import fail_after

from llamaparse_worker.backends.objects.guard import Variables, judged, open_client
from llamaparse_worker.backends.webhooks.settings import WebhookSettings
from llamaparse_worker.errors import TransientError
from llamaparse_worker.interfaces import WebhookClient
from llamaparse_worker.model.webhook import WebhookRequest

VARIABLES = Variables("WEBHOOK_HOSTS", "WEBHOOK_CA_FILE")


class HttpsWebhooks:
    """A ``WebhookClient`` that sends each request once."""

    def __init__(self, session: aiohttp.ClientSession, exceptions: Collection[str], timeout_s: float) -> None:
        self._session = session
        self._exceptions = exceptions
        self._timeout_s = timeout_s

    async def post(self, request: WebhookRequest) -> int:
        """Give the status of the answer. Its body is not read: the connection is closed over one that has any left.

        Raises:
            SourceForbidden: the address is not allowed.
            TransientError: there is no answer in time.
        """
        url = judged(request.url, self._exceptions, variables=VARIABLES)
        name = f"https://{url.raw_host}"
        try:
            with fail_after(self._timeout_s):
                async with self._session.post(
                    url, data=request.body, headers=request.headers, allow_redirects=False
                ) as answer:
                    return answer.status
        except aiohttp.ClientSSLError as error:
            raise TransientError(f"{name}: its certificate is not trusted; see {VARIABLES.ca_file}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransientError(f"{name} does not answer: {type(error).__name__}") from error


@asynccontextmanager
async def open_webhooks(
    settings: WebhookSettings, *, resolver: AbstractResolver | None = None
) -> AsyncIterator[WebhookClient]:
    """Give the client; ``resolver`` replaces the system's, and its answers are judged all the same.

    Raises:
        ConfigurationError: WEBHOOK_CA_FILE cannot be read.
    """
    exceptions = frozenset(host.lower() for host in settings.webhook_hosts)
    async with open_client(
        exceptions, ca_file=settings.webhook_ca_file, resolver=resolver, variables=VARIABLES
    ) as session:
        yield HttpsWebhooks(session, exceptions, settings.webhook_timeout_seconds)
