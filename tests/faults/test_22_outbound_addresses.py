"""Promise 22: no message makes the worker reach an address inside, by whatever name, number or redirect.

The rules of each range and notation stand in ``tests/unit/test_addresses*.py``. Here the whole way is taken, of sources
and of webhooks: both are asked through one client.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from llamaparse_worker.backends.objects.download import open_downloads
from llamaparse_worker.backends.objects.guard import open_client
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.backends.webhooks.client import open_webhooks
from llamaparse_worker.backends.webhooks.settings import WebhookSettings
from llamaparse_worker.errors import InvalidJob, SourceForbidden, TransientError
from llamaparse_worker.model.webhook import WebhookRequest
from llamaparse_worker.wire import job_of, read_message
from support.certificates import certificate_for

pytestmark = pytest.mark.anyio

INSIDE = (
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "192.88.99.1",
    "198.18.0.1",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2001::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "fec0::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
)
"""Each range of the table, and the metadata services of clouds."""

NOTATIONS = (
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "localhost.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1\\@example.com",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::1%25lo]",
    "example.com:22",
    "example.com:80",
    "example.com:0",
)
SCHEMES = ("http", "HTTP", "ftp", "file", "gopher", "dict", "javascript", "data", "jar", "unix", "ws")
EVIL = "rebinding.example"


class Rebinding(AbstractResolver):
    """A name server that gives one answer after the other, and the last for good."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in answer
        ]

    async def close(self) -> None:
        return


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that this process connects a socket to; none is reached."""
    seen: list[str] = []

    async def connect(_loop: object, sock: socket.socket, address: tuple[str, int]) -> None:
        del sock
        seen.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", connect)
    return seen


class Ask(Protocol):
    """Asks an address that a message names."""

    async def __call__(self, address: str, tmp_path: Path, resolver: AbstractResolver | None = None) -> None: ...


async def fetch(address: str, tmp_path: Path, resolver: AbstractResolver | None = None) -> None:
    async with open_downloads(SourcesSettings(), resolver=resolver) as downloads:
        await downloads.fetch(address, tmp_path / "source", limit_bytes=1_000_000)


async def call(address: str, tmp_path: Path, resolver: AbstractResolver | None = None) -> None:
    del tmp_path
    async with open_webhooks(WebhookSettings(), resolver=resolver) as webhooks:
        await webhooks.post(WebhookRequest(address, {}, b"{}"))


for_sources_and_webhooks = pytest.mark.parametrize("ask", [fetch, call])


@for_sources_and_webhooks
@pytest.mark.parametrize("address", INSIDE)
async def test_an_address_inside_is_refused_as_number_and_as_name(
    ask: Ask, address: str, tmp_path: Path, dialled: list[str]
) -> None:
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(SourceForbidden):
        await ask(f"https://{literal}/a.pdf", tmp_path)
    with pytest.raises(SourceForbidden):
        await ask(f"https://{EVIL}/a.pdf", tmp_path, Rebinding([address]))
    assert dialled == []


@for_sources_and_webhooks
@pytest.mark.parametrize("host", NOTATIONS)
async def test_no_other_notation_of_an_address_or_port_gets_through(
    ask: Ask, host: str, tmp_path: Path, dialled: list[str]
) -> None:
    with pytest.raises(SourceForbidden):
        await ask(f"https://{host}/a.pdf", tmp_path)
    assert dialled == []


@for_sources_and_webhooks
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_no_other_scheme_is_fetched(ask: Ask, scheme: str, tmp_path: Path, dialled: list[str]) -> None:
    with pytest.raises(SourceForbidden):
        await ask(f"{scheme}://example.com/a.pdf", tmp_path)
    assert dialled == []


@pytest.mark.parametrize(
    "source",
    ["HTTP://127.0.0.1/a", "gopher://127.0.0.1/", "HTTPS://127.0.0.1/a.pdf", "hTTpS://[::1]/", "jar:file:///a"],
)
async def test_a_message_with_such_a_source_is_refused_or_its_source_is(
    source: str, tmp_path: Path, dialled: list[str]
) -> None:
    body = f'{{"job_id": "job", "source": "{source}"}}'.encode()
    try:
        job = job_of(read_message(body))
    except InvalidJob:
        return
    if job.source.kind == "https":
        with pytest.raises(SourceForbidden):
            await fetch(job.source.location, tmp_path)
    assert dialled == []


@for_sources_and_webhooks
async def test_a_name_that_moves_inside_between_check_and_use_is_dialled_where_it_was_checked(
    ask: Ask, tmp_path: Path, dialled: list[str]
) -> None:
    rebinding = Rebinding(["1.1.1.1"], ["127.0.0.1"])

    with pytest.raises(TransientError, match="does not answer"):
        await ask(f"https://{EVIL}/a.pdf", tmp_path, rebinding)

    assert (rebinding.asked, dialled) == (1, ["1.1.1.1"])


@for_sources_and_webhooks
async def test_of_mixed_answers_only_the_public_ones_are_dialled(ask: Ask, tmp_path: Path, dialled: list[str]) -> None:
    with pytest.raises(TransientError, match="does not answer"):
        await ask(f"https://{EVIL}/a.pdf", tmp_path, Rebinding(["10.0.0.1", "::1", "1.1.1.1", "::ffff:10.0.0.1"]))
    assert dialled == ["1.1.1.1"]


@for_sources_and_webhooks
async def test_proxies_of_the_environment_are_not_dialled(
    ask: Ask, tmp_path: Path, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    with pytest.raises(TransientError, match="does not answer"):
        await ask(f"https://{EVIL}/a.pdf", tmp_path, Rebinding(["1.1.1.1"]))
    assert dialled == ["1.1.1.1"]


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "example.com:22"])
async def test_whoever_uses_the_client_without_asking_first_is_refused_at_the_socket(
    address: str, dialled: list[str]
) -> None:
    """As the sender of a webhook might."""
    async with open_client((), resolver=Rebinding(["1.1.1.1"])) as client:
        with pytest.raises(SourceForbidden):
            await client.post(f"https://{address}/hook", json={})
    assert dialled == []


@asynccontextmanager
async def redirecting(tmp_path: Path, target: str) -> AsyncIterator[tuple[str, SourcesSettings]]:
    """Serve one redirect on a host that is let in."""

    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    certificate = certificate_for("docs.test", tmp_path)
    app = web.Application()
    app.add_routes([web.route("*", "/", redirect)])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    port = runner.addresses[0][1]
    try:
        yield (
            f"https://docs.test:{port}/",
            SourcesSettings(url_source_hosts=(f"docs.test:{port}",), url_source_ca_file=certificate),
        )
    finally:
        await runner.cleanup()


async def test_a_webhook_follows_no_redirect(tmp_path: Path) -> None:
    async with redirecting(tmp_path, "https://example.com/") as (address, sources):
        settings = WebhookSettings(webhook_hosts=sources.url_source_hosts, webhook_ca_file=sources.url_source_ca_file)
        names = Rebinding(["127.0.0.1"], ["1.1.1.1"])
        async with open_webhooks(settings, resolver=names) as webhooks:
            assert await webhooks.post(WebhookRequest(address, {}, b"{}")) == 302

    assert names.asked == 1


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "http://example.com/",
        "HTTP://127.0.0.1/",
        "//127.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "file:///etc/passwd",
        "https://elsewhere.test/",
        "https://user:word@example.com/",
    ],
)
async def test_a_redirect_leads_nowhere_that_a_source_could_not(target: str, tmp_path: Path) -> None:
    async with redirecting(tmp_path, target) as (address, settings):
        names = Rebinding(["127.0.0.1"])  # of every name
        async with open_downloads(settings, resolver=names) as downloads:
            with pytest.raises(SourceForbidden):
                await downloads.fetch(address, tmp_path / "source", limit_bytes=1_000_000)


async def test_a_client_that_follows_redirects_itself_is_refused_at_the_socket(tmp_path: Path) -> None:
    async with redirecting(tmp_path, "https://127.0.0.1/") as (address, settings):
        exceptions, authorities = settings.url_source_hosts, settings.url_source_ca_file
        async with open_client(exceptions, ca_file=authorities, resolver=Rebinding(["127.0.0.1"])) as client:
            with pytest.raises(SourceForbidden):
                await client.get(address, allow_redirects=True)


async def test_the_client_sends_no_cookie_and_keeps_none() -> None:
    async with open_client(()) as client:
        assert isinstance(client.cookie_jar, aiohttp.DummyCookieJar)
