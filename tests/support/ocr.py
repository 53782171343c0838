"""OCR services on free ports, ours and those of strangers, and page images."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import anyio
from aiohttp import web
from pydantic import SecretStr

from llamaparse_worker.backends.ocr.encoding import encode
from llamaparse_worker.backends.ocr.remote.engine import RemoteOcr, open_remote
from llamaparse_worker.backends.ocr.remote.settings import RemoteOcrSettings
from llamaparse_worker.http.ocr import OcrDependencies, open_ocr_http
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.limits import Limits
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.worker.health import Health, Phase
from llamaparse_worker.worker.metrics import Metrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def grey(value: int = 1, width: int = 200, height: int = 100, dpi: float = 144.0) -> PixelImage:
    """Give an image of one grey."""
    return PixelImage(width, height, 1, memoryview(bytes([value]) * (width * height)), dpi)


def form(content: bytes | None, *languages: str, name: str = "file") -> aiohttp.FormData:
    found = aiohttp.FormData(default_to_multipart=True)
    if content is not None:
        found.add_field(name, io.BytesIO(content), filename="image.png", content_type="image/png")
    for language in languages:
        found.add_field("language", language)
    return found


@dataclass
class Service:
    """An OCR service in this process."""

    ocr: Ocr
    health: Health = field(default_factory=lambda: Health(["ocr"]))
    metrics: Metrics = field(default_factory=lambda: Metrics("1.2.3", Limits({})))
    pages: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(8))
    token: str | None = None
    max_pixels: int = 1_000_000
    image_bytes: int = 1_000_000
    form_s: float = 5.0
    address: str = ""

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[aiohttp.ClientSession]:
        """Serve, ready at once; gives a client."""
        deps = OcrDependencies(
            ocr=self.ocr,
            health=self.health,
            metrics=self.metrics,
            token=SecretStr(self.token) if self.token else None,
            pages=self.pages,
            max_pixels=self.max_pixels,
            image_bytes=self.image_bytes,
            form_s=self.form_s,
        )
        self.health.enter(Phase.READY)
        self.health.answered("ocr", "fake")
        async with open_ocr_http("127.0.0.1", port, deps) as address, aiohttp.ClientSession(address) as client:
            self.address = f"{address}/ocr"
            yield client


@asynccontextmanager
async def stranger(handler: Handler) -> AsyncIterator[str]:
    """Serve ``POST /ocr`` as somebody else wrote it; gives its address."""
    app = web.Application()
    app.add_routes([web.post("/ocr", handler)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/ocr"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def remote(*addresses: str, timeout_s: float = 5.0, token: str | None = None) -> AsyncIterator[RemoteOcr]:
    """Open the remote engine on these services."""
    settings = RemoteOcrSettings(
        ocr_server_url=addresses,
        ocr_server_timeout_seconds=timeout_s,
        ocr_server_token=SecretStr(token) if token else None,
    )
    async with open_remote(settings) as ocr:
        yield ocr


@asynccontextmanager
async def all_served(services: Sequence[Service]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for service in services:
            await stack.enter_async_context(service.served())
        yield


async def posted(
    client: aiohttp.ClientSession, content: bytes | None = None, *languages: str, **headers: str
) -> tuple[int, Any]:
    """Post an image, a grey one unless another is given; gives status and body."""
    data = form(encode(grey()) if content is None else content, *languages)
    async with client.post("/ocr", data=data, headers=headers) as answer:
        return answer.status, await answer.json()


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    """Wait for what another task brings about."""
    for _ in range(round(limit_s / 0.01)):
        if condition():
            return
        await anyio.sleep(0.01)
    raise AssertionError(f"not within {limit_s} s")
