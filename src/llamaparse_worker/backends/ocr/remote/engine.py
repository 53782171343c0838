"""The seam ``Ocr`` over OCR services elsewhere.

A page that a service fails to read is tried at another, within a budget of tries and time. How many pages are at the
services at once is bounded by the limit of pages in OCR, OCR_CONCURRENCY, around this engine.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import structlog
from aiohttp import hdrs
from anyio import to_thread
from yarl import URL

from llamaparse_worker.backends.ocr.encoding import encode
from llamaparse_worker.backends.ocr.remote.asking import ENGINE, Full, NotRead, Page, Refused, Unfit, ask
from llamaparse_worker.backends.ocr.remote.fleet import Fleet, Server
from llamaparse_worker.backends.ocr.remote.settings import RemoteOcrSettings
from llamaparse_worker.errors import (
    BackendUnavailable,
    ConfigurationError,
    PageUnreadable,
    TimeLimitExceeded,
    WorkerError,
)
from llamaparse_worker.interfaces import Component
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition

TRIES = 3
"""Services that may fail on a page, and time limits of one service that make up the budget of a page."""
UNREAD_TRIES = 2
"""Services that may say that they cannot read a page."""
CONNECT_S = 5.0
PATIENCE_S = 5.0
"""How long a page waits while all services are set aside: longer than one takes to be started again."""
PING_S = 3.0
KEEP_S = 5.0
"""How long a connection is kept: less than services do, so that none is used that is being closed."""

log = structlog.get_logger()


class RemoteOcr:
    """Sends pages to OCR services."""

    def __init__(self, client: aiohttp.ClientSession, fleet: Fleet, timeout_s: float) -> None:
        self._client = client
        self._fleet = fleet
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """The engine's name."""
        return ENGINE

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Let all pass: which ones can be read is known to the services."""
        del languages

    async def ping(self) -> str:
        """Ask all services whether they are well; gives how many are.

        Raises:
            BackendUnavailable: none is.
        """
        well: list[Server] = []

        async def visit(server: Server) -> None:
            if await self._is_well(server):
                well.append(server)

        async with anyio.create_task_group() as group:
            for server in self._fleet.servers:
                group.start_soon(visit, server)
        if not well:
            names = ", ".join(server.name for server in self._fleet.servers)
            raise BackendUnavailable(f"no OCR service answers: {names}")
        return f"{ENGINE}, {len(well)} of {len(self._fleet.servers)} services"

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Have one page read, wherever that is possible first."""
        page = Page(await to_thread.run_sync(encode, image), image.dpi, languages)
        budget_s = TRIES * self._timeout_s
        with anyio.move_on_after(budget_s):
            return await _Attempt(self._client, self._fleet, page).run()
        raise BackendUnavailable(f"no OCR service took a page within {budget_s:g} s")

    async def _is_well(self, server: Server) -> bool:
        try:
            with anyio.fail_after(PING_S):
                async with self._client.get(server.url.join(URL("health_check")), allow_redirects=False) as answer:
                    server.is_ours = answer.headers.get(hdrs.SERVER) == "llamaparse-worker"
                    return answer.status < 500  # noqa: PLR2004 - services of others may not know this address
        except (aiohttp.ClientError, TimeoutError):
            return False


class _Attempt:
    """One page on its way from service to service."""

    def __init__(self, client: aiohttp.ClientSession, fleet: Fleet, page: Page) -> None:
        self._client = client
        self._fleet = fleet
        self._page = page
        self._unfit: list[Unfit] = []
        self._unread = 0
        self._patience_s = PATIENCE_S
        self._tried: set[Server] = set()

    async def run(self) -> Recognition:
        """Try until the page is read, or is not to be tried any more."""
        while True:
            server = self._fleet.choose(time.monotonic(), self._tried)
            if server is None:
                await self._wait()
                continue
            found = await self._try(server)
            if found is not None:
                return found

    async def _wait(self) -> None:
        now = time.monotonic()
        pause_s = self._fleet.pause_s(now)
        if self._fleet.is_down(now):
            self._patience_s -= pause_s
            if self._patience_s < 0:
                raise BackendUnavailable(f"no OCR service works{self._last_failure()}")
        await anyio.sleep(pause_s)

    async def _try(self, server: Server) -> Recognition | None:
        """Give what the service has read, or None to go on elsewhere."""
        took_for_ours = server.is_ours
        try:
            with self._fleet.page_at(server):
                found = await ask(self._client, server, self._page)
        except Full as full:
            self._fleet.full(server, time.monotonic(), full.rest_s)
        except Refused as refused:
            if not (took_for_ours and not server.is_ours and len(self._page.languages) > 1):
                raise refused.error from None
            # It is a stranger that was asked for several languages; now it is asked for one.
        except NotRead as unread:
            self._fleet.erred(server, time.monotonic())
            self._tried.add(server)
            self._unread += 1
            if self._unread == UNREAD_TRIES:
                raise PageUnreadable(f"OCR failed on this page: {unread.detail}") from None
        except Unfit as unfit:
            self._fleet.failed(server, time.monotonic())
            log.warning("ocr.server_failed", server=server.name, reason=unfit.reason, failures=server.failures)
            self._tried.add(server)
            self._unfit.append(unfit)
            if len(self._unfit) == TRIES:
                raise self._given_up() from unfit
        else:
            self._fleet.worked(server)
            return found
        return None

    def _given_up(self) -> WorkerError:
        """Blame the services when none is left, else the page that has brought so many down."""
        if self._fleet.choose(time.monotonic()) is None:
            return BackendUnavailable(f"no OCR service works{self._last_failure()}")
        if all(one.hung for one in self._unfit):
            return TimeLimitExceeded(f"{TRIES} OCR services did not read a page in time{self._last_failure()}")
        return PageUnreadable(f"{TRIES} OCR services failed on this page{self._last_failure()}")

    def _last_failure(self) -> str:
        return f": the last one {self._unfit[-1].reason}" if self._unfit else ""


@asynccontextmanager
async def open_remote(settings: RemoteOcrSettings) -> AsyncIterator[RemoteOcr]:
    """Yield the engine; nothing is asked yet.

    Raises:
        ConfigurationError: no service is named.
    """
    if not settings.ocr_server_url:
        raise ConfigurationError("OCR_SERVER_URL: the engine `remote` needs the address of an OCR service")
    token = settings.ocr_server_token
    timeout = aiohttp.ClientTimeout(total=settings.ocr_server_timeout_seconds, sock_connect=CONNECT_S)
    async with aiohttp.ClientSession(
        timeout=timeout,
        headers={hdrs.AUTHORIZATION: f"Bearer {token.get_secret_value()}"} if token else None,
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_S),  # the pages are bounded, not the connections
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as client:
        fleet = Fleet(tuple(map(URL, settings.ocr_server_url)))
        yield RemoteOcr(client, fleet, settings.ocr_server_timeout_seconds)


component = Component(RemoteOcrSettings, open_remote)
