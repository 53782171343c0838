"""``https://`` sources against a real TLS server on this machine, which is let in as an exception."""

from __future__ import annotations

import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from llamaparse_worker.backends.objects.download import Downloads, open_downloads
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.errors import (
    ConfigurationError,
    DocumentTooLarge,
    SourceError,
    SourceForbidden,
    SourceNotFound,
    TransientError,
    WorkerError,
)
from support.certificates import certificate_for

pytestmark = pytest.mark.anyio

HOST = "docs.test"
DOCUMENT = b"%PDF-1.7 " + bytes(range(256)) * 4000


class Names(AbstractResolver):
    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        if host not in self._table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        address = self._table[host]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    downloads: Downloads
    port: int


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for(HOST, tmp_path_factory.mktemp("tls"))


async def _document(_: web.Request) -> web.StreamResponse:
    return web.Response(body=DOCUMENT)


async def _streamed(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for start in range(0, len(DOCUMENT), 100_000):
        await answer.write(DOCUMENT[start : start + 100_000])
    return answer


async def _echo(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"{request.raw_path} {request.headers['Accept-Encoding']}")


async def _status(request: web.Request) -> web.StreamResponse:
    return web.Response(status=int(request.match_info["status"]))


async def _redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": request.query["to"]})


async def _chain(request: web.Request) -> web.StreamResponse:
    left = int(request.match_info["left"])
    return web.Response(status=307, headers={"Location": f"/chain/{left - 1}" if left > 1 else "/document"})


async def _compressed(_: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(DOCUMENT), headers={"Content-Encoding": "gzip"})


async def _truncated(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"only this")
    assert request.transport is not None
    request.transport.abort()
    return answer


async def _drip(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(100):
        await answer.write(b"x")
        await anyio.sleep(0.05)
    return answer


@pytest.fixture(scope="module")
async def port(certificate: Path) -> AsyncIterator[int]:
    app = web.Application()
    routes = {
        "/document": _document,
        "/streamed": _streamed,
        "/echo": _echo,
        "/status/{status}": _status,
        "/redirect": _redirect,
        "/chain/{left}": _chain,
        "/compressed": _compressed,
        "/truncated": _truncated,
        "/drip": _drip,
    }
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def site(port: int, certificate: Path) -> AsyncIterator[Site]:
    settings = SourcesSettings(
        url_source_hosts=(f"{HOST}:{port}", f"unknown.test:{port}"), url_source_ca_file=certificate
    )
    names = Names({HOST: "127.0.0.1", "inside.example": "10.0.0.1"})
    async with open_downloads(settings, resolver=names) as downloads:
        yield Site(f"https://{HOST}:{port}", downloads, port)


@pytest.mark.parametrize("path", ["/document", "/streamed", "/redirect?to=/streamed", "/chain/5"])
async def test_a_document_arrives_whole_also_through_redirects(site: Site, path: str, tmp_path: Path) -> None:
    await site.downloads.fetch(site.address + path, tmp_path / "file", limit_bytes=len(DOCUMENT))
    assert (tmp_path / "file").read_bytes() == DOCUMENT


async def test_the_address_is_sent_unchanged_and_nothing_compressed_is_asked_for(site: Site, tmp_path: Path) -> None:
    await site.downloads.fetch(site.address + "/echo?X-Signature=a%2Fb%3D&n=%7e", tmp_path / "file", limit_bytes=1000)
    assert (tmp_path / "file").read_text() == "/echo?X-Signature=a%2Fb%3D&n=%7e identity"


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("/status/404", SourceNotFound),
        ("/status/410", SourceNotFound),
        ("/status/401", SourceForbidden),
        ("/status/403", SourceForbidden),
        ("/status/400", SourceError),
        ("/status/204", SourceError),
        ("/status/429", TransientError),
        ("/status/503", TransientError),
        ("/chain/6", SourceError),
        ("/compressed", SourceError),
        ("/truncated", TransientError),
        ("/redirect?to=http://docs.test/document", SourceForbidden),
        ("/redirect?to=https://127.0.0.1/document", SourceForbidden),
        ("/redirect?to=https://[::ffff:7f00:1]/document", SourceForbidden),
        ("/redirect?to=https://inside.example/document", SourceForbidden),
        ("/redirect?to=file:///etc/passwd", SourceForbidden),
        ("/redirect?to=https://[bad", SourceError),
    ],
)
async def test_an_unusable_answer_is_a_typed_failure_and_leaves_no_file(
    site: Site, path: str, failure: type[WorkerError], tmp_path: Path
) -> None:
    with pytest.raises(failure) as caught:
        await site.downloads.fetch(f"{site.address}{path}", tmp_path / "file", limit_bytes=10_000_000)
    assert type(caught.value) is failure
    assert path.partition("?")[0] not in caught.value.message
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("path", ["/document", "/streamed"])
async def test_a_document_above_the_limit_is_refused_announced_or_not(site: Site, path: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentTooLarge):
        await site.downloads.fetch(site.address + path, tmp_path / "file", limit_bytes=len(DOCUMENT) - 1)
    assert not (tmp_path / "file").exists()


async def test_a_name_that_is_inside_is_refused_before_anything_is_sent(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SourceForbidden, match=r"inside\.example"):
        await site.downloads.fetch("https://inside.example/document", tmp_path / "file", limit_bytes=1000)


async def test_the_exception_is_for_its_name_and_port_only(site: Site, tmp_path: Path) -> None:
    for address in (f"https://{HOST}/document", f"https://127.0.0.1:{site.port}/document"):
        with pytest.raises(SourceForbidden):
            await site.downloads.fetch(address, tmp_path / "file", limit_bytes=1000)


async def test_a_host_that_does_not_exist_is_not_found(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"unknown\.test"):
        await site.downloads.fetch(f"https://unknown.test:{site.port}/a", tmp_path / "file", limit_bytes=1000)


async def test_a_download_that_only_drips_ends_at_the_time_limit(port: int, certificate: Path, tmp_path: Path) -> None:
    settings = SourcesSettings(
        url_source_hosts=(f"{HOST}:{port}",), url_source_ca_file=certificate, url_source_timeout_seconds=0.3
    )
    async with open_downloads(settings, resolver=Names({HOST: "127.0.0.1"})) as downloads:
        with pytest.raises(TransientError, match=r"0\.3 s"):
            await downloads.fetch(f"https://{HOST}:{port}/drip", tmp_path / "file", limit_bytes=1000)
    assert not (tmp_path / "file").exists()


async def test_a_server_with_an_untrusted_certificate_is_not_read(port: int, tmp_path: Path) -> None:
    settings = SourcesSettings(url_source_hosts=(f"{HOST}:{port}",))
    async with open_downloads(settings, resolver=Names({HOST: "127.0.0.1"})) as downloads:
        with pytest.raises(SourceError, match="URL_SOURCE_CA_FILE"):
            await downloads.fetch(f"https://{HOST}:{port}/document", tmp_path / "file", limit_bytes=1000)


async def test_a_server_that_is_down_is_tried_again_later(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = SourcesSettings(url_source_hosts=(f"127.0.0.1:{port}",))
    async with open_downloads(settings) as downloads:
        with pytest.raises(TransientError):
            await downloads.fetch(f"https://127.0.0.1:{port}/a", tmp_path / "file", limit_bytes=1000)


async def test_proxies_of_the_environment_are_not_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    await site.downloads.fetch(site.address + "/document", tmp_path / "file", limit_bytes=len(DOCUMENT))


async def test_a_missing_file_of_authorities_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="URL_SOURCE_CA_FILE="):
        async with open_downloads(SourcesSettings(url_source_ca_file=tmp_path / "none.pem")):
            pass
