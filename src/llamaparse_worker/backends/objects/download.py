"""Documents from ``https://`` addresses, hop by hop through the guard.

No error text holds more of an address than its host: path and query may be a secret.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from anyio import fail_after
from yarl import URL

from llamaparse_worker.backends.bodies import piece_of
from llamaparse_worker.backends.objects.failures import too_large
from llamaparse_worker.backends.objects.guard import judged, open_client
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.backends.objects.spool import spool
from llamaparse_worker.errors import SourceError, SourceForbidden, SourceNotFound, TransientError, WorkerError

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNKNOWN_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


class Downloads:
    """Fetches over HTTPS with a time limit for the whole of each download."""

    def __init__(self, session: aiohttp.ClientSession, exceptions: Collection[str], timeout_s: float) -> None:
        self._session = session
        self._exceptions = exceptions
        self._timeout_s = timeout_s

    async def fetch(self, address: str, target: Path, *, limit_bytes: int) -> None:
        """Download into the file ``target``.

        Raises:
            SourceForbidden: the address, or one it redirects to, is not allowed; or the server denies access.
            SourceNotFound: the host or the document does not exist.
            SourceError: the server's answer cannot be used.
            DocumentTooLarge: it has more bytes than allowed.
            TransientError: the server does not answer in time, or is in trouble.
        """
        try:
            with fail_after(self._timeout_s):
                await self._follow(judged(address, self._exceptions), target, limit_bytes)
        except TimeoutError as error:
            raise TransientError(f"the source was not downloaded within {self._timeout_s:g} s") from error

    async def _follow(self, url: URL, target: Path, limit_bytes: int) -> None:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._answer(url) as answer:
                if answer.status not in _REDIRECTS:
                    await _spool(answer, target, limit_bytes)
                    return
                url = judged(_location(answer), self._exceptions)
        raise SourceError(f"https://{url.raw_host} is the end of more than {MAX_REDIRECTS} redirects")

    @asynccontextmanager
    async def _answer(self, url: URL) -> AsyncIterator[aiohttp.ClientResponse]:
        with _reaching(url):
            answer = await self._session.get(url, allow_redirects=False)
        async with answer:
            yield answer


async def _spool(answer: aiohttp.ClientResponse, target: Path, limit_bytes: int) -> None:
    name = f"https://{answer.url.raw_host}"
    if answer.status != HTTPStatus.OK:
        raise _unusable(answer.status, name)
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceError(f"{name} sends the document compressed although it was asked not to")
    if answer.content_length is not None and answer.content_length > limit_bytes:
        raise too_large(f"the document from {name}", limit_bytes)
    async with aclosing(_chunks(answer)) as chunks:
        await spool(chunks, target, limit_bytes=limit_bytes, name=f"the document from {name}")


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    with _reaching(answer.url):
        while chunk := await piece_of(answer):
            yield chunk


def _location(answer: aiohttp.ClientResponse) -> str:
    location = answer.headers.get("Location", "")
    try:
        return str(answer.url.join(URL(location, encoded=location.isascii())))
    except (ValueError, IndexError):  # the latter over brackets before an "@"
        raise SourceError(f"https://{answer.url.raw_host} redirects to nowhere") from None


def _unusable(status: int, name: str) -> WorkerError:
    text = f"{name} answers {status}"
    match status:
        case 404 | 410:
            return SourceNotFound(text)
        case 401 | 403 | 407 | 451:
            return SourceForbidden(text)
        case 408 | 425 | 429:
            return TransientError(text)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TransientError(text)
        case _:
            return SourceError(text)


@contextmanager
def _reaching(url: URL) -> Iterator[None]:
    name = f"https://{url.raw_host}"
    try:
        yield
    except aiohttp.InvalidURL as error:
        raise SourceError(f"{name}: the address cannot be requested") from error
    except aiohttp.ClientConnectorDNSError as error:
        if error.os_error.errno in _UNKNOWN_NAME:
            raise SourceNotFound(f"{name}: there is no host of this name") from error
        raise TransientError(f"{name}: the name cannot be resolved now") from error
    except aiohttp.ClientSSLError as error:
        raise SourceError(f"{name}: its certificate is not trusted; see URL_SOURCE_CA_FILE") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TransientError(f"{name} does not answer: {type(error).__name__}") from error


@asynccontextmanager
async def open_downloads(
    settings: SourcesSettings, *, resolver: AbstractResolver | None = None
) -> AsyncIterator[Downloads]:
    """Give the downloader; ``resolver`` replaces the system's, and its answers are judged all the same.

    Raises:
        ConfigurationError: URL_SOURCE_CA_FILE cannot be read.
    """
    exceptions = frozenset(host.lower() for host in settings.url_source_hosts)
    async with open_client(exceptions, ca_file=settings.url_source_ca_file, resolver=resolver) as session:
        yield Downloads(session, exceptions, settings.url_source_timeout_seconds)
