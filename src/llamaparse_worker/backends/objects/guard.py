"""An HTTPS client that reaches public addresses and named exceptions only: for sources, and for webhooks.

Each name is resolved once, the answers are judged, and exactly the judged addresses are dialled: there is no second
resolution that could answer differently. Redirects are followed by the caller, who has each target judged again. What
is dialled all the same is judged at the socket, so that no caller can forget to ask.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from anyio import to_thread
from yarl import URL

from llamaparse_worker.backends.objects.addresses import is_name, literal, refusal
from llamaparse_worker.errors import ConfigurationError, SourceForbidden

_CONNECT_S = 10
_SILENCE_S = 30
_PORT = 443
_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")
_ENCODED = re.compile("[!-~]+")
"""Printable ASCII is sent as it stands: encoding it again would break the signature of a presigned address."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Where an operator has named what is let in: errors say so."""

    hosts: str
    ca_file: str


SOURCES = Variables("URL_SOURCE_HOSTS", "URL_SOURCE_CA_FILE")


def judged(text: str, exceptions: Collection[str], *, variables: Variables = SOURCES) -> URL:
    """Parse an address and give it when its scheme, host and port are allowed.

    ``exceptions`` are ``host`` or ``host:port`` in lower case: such a host may have any address, and the port.
    ``variables`` is where an operator has named them.

    Raises:
        SourceForbidden: it may not be asked; the text names the host, never path or query, which may be secret.
    """
    if _CONTROL.search(text):
        raise SourceForbidden("the address holds control characters")
    try:
        url = URL(text, encoded=_ENCODED.fullmatch(text) is not None).with_fragment(None)
        host, port = (url.raw_host or "").lower(), url.port
    except (ValueError, IndexError):  # the latter over brackets before an "@"
        raise SourceForbidden("the address cannot be read") from None
    if url.scheme != "https":
        raise SourceForbidden(f"{url.scheme}://{host}: only https:// is asked")
    if url.user is not None or url.password is not None:
        raise SourceForbidden(f"https://{host}: an address with a user name is refused")
    if _excepted(host, port, exceptions):
        return url
    if port != _PORT:
        raise SourceForbidden(
            f"https://{host}: the port {port} is not {_PORT}, nor is {host}:{port} in {variables.hosts}"
        )
    _judge_host(host, variables)
    return url


def _excepted(host: str, port: int | None, exceptions: Collection[str]) -> bool:
    return f"{host}:{port}" in exceptions or (port == _PORT and host in exceptions)


def _judge_host(host: str, variables: Variables) -> None:
    address = literal(host)
    if address is None and not is_name(host):
        raise SourceForbidden("the host of the address is neither a plain name nor a plain address")
    if address is not None and (reason := refusal(address)):
        raise SourceForbidden(f"https://{host} is not a public address ({reason}), nor in {variables.hosts}")


class GuardedResolver(AbstractResolver):
    """Gives only the public addresses of a name, of an excepted host all; and opens sockets to such addresses only."""

    def __init__(self, inner: AbstractResolver, exceptions: Collection[str], *, variables: Variables = SOURCES) -> None:
        self._inner = inner
        self._exceptions = exceptions
        self._variables = variables
        self._let_in: dict[tuple[str, int], frozenset[str]] = {}
        """The addresses that excepted hosts have by their last answers."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve once and judge.

        Raises:
            SourceForbidden: no address of the name is public.
            OSError: the name cannot be resolved.
        """
        found = await self._inner.resolve(host, port, family)
        if _excepted(host.lower(), port, self._exceptions):
            self._let_in[host.lower(), port] = frozenset(result["host"] for result in found)
            return found
        public = [result for result in found if _is_public(result["host"])]
        if found and not public:
            raise SourceForbidden(f"https://{host} has no public address, nor is it in {self._variables.hosts}")
        return public

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Open the socket that is about to dial an address.

        Raises:
            SourceForbidden: the address is neither public nor that of an excepted host, or the port is another.
        """
        family, kind, protocol, _, (host, port, *_) = info
        allowed = (port == _PORT and _is_public(str(host))) or self._is_let_in(str(host), int(port))
        if not allowed:
            raise SourceForbidden("an address that is not public was about to be dialled")
        return socket.socket(family, kind, protocol)

    def _is_let_in(self, address: str, port: int) -> bool:
        by_name = any(address in found for (_, at), found in self._let_in.items() if at == port)
        return by_name or _excepted(address, port, self._exceptions)

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()


def _is_public(text: str) -> bool:
    address = literal(text)
    return address is not None and refusal(address) is None


@asynccontextmanager
async def open_client(
    exceptions: Collection[str],
    *,
    ca_file: Path | None = None,
    resolver: AbstractResolver | None = None,
    variables: Variables = SOURCES,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client without proxies, cookies, redirects of its own, and without decompression.

    Raises:
        ConfigurationError: ``ca_file`` cannot be read.
    """
    guarded = GuardedResolver(resolver or aiohttp.ThreadedResolver(), exceptions, variables=variables)
    tls = await to_thread.run_sync(_tls, ca_file, variables)
    async with (
        aiohttp.TCPConnector(
            resolver=guarded,
            socket_factory=guarded.open_socket,
            ssl=tls,
            use_dns_cache=False,
            limit=32,
            limit_per_host=8,
        ) as connector,
        aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=_SILENCE_S),
            headers={"Accept-Encoding": "identity", "User-Agent": "llamaparse-worker"},
        ) as session,
    ):
        yield session


def _tls(ca_file: Path | None, variables: Variables) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise ConfigurationError(f"{variables.ca_file}={ca_file}: {error.strerror or error}") from error
    return context
