"""A receiver of webhooks on this machine, over TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import anyio
from aiohttp import web

from support.certificates import certificate_for

HOST = "localhost"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """Keeps what it receives, and answers with ``status``."""

    certificate: Path
    port: int = 0
    status: int = 204
    location: str = ""
    """Where an answer redirects to."""
    drips: bool = False
    """Whether an answer never ends."""
    received: list[Received] = field(default_factory=list)
    taken: list[Received] = field(default_factory=list)
    """Those that it answered with success."""

    @property
    def host(self) -> str:
        """As a setting names it."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """An address of it."""
        return f"https://{self.host}/hook?key=1"

    def variables(self) -> dict[str, str]:
        """Give the variables of a worker that may call it."""
        return {"WEBHOOK_HOSTS": self.host, "WEBHOOK_CA_FILE": str(self.certificate)}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a call."""
        received = Received(request.raw_path, dict(request.headers), await request.read())
        self.received.append(received)
        if self.status < HTTPStatus.MULTIPLE_CHOICES:
            self.taken.append(received)
        answer = web.StreamResponse(status=self.status)
        if self.location:
            answer.headers["Location"] = self.location
        await answer.prepare(request)
        with suppress(ConnectionError):
            while self.drips:
                await answer.write(b"x" * 100_000)
                await anyio.sleep(0.01)
        return answer

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on the port; a free one the first time."""
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", self.answer)])
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=tls, reuse_address=True).start()
            self.port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()


def receiver_in(folder: Path) -> Receiver:
    """Give a receiver with a certificate in the folder; it does not listen yet."""
    return Receiver(certificate_for(HOST, folder))
