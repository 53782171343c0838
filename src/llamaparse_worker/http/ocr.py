"""The OCR service: ``POST /ocr`` with an image gives its words, in the open form of LiteParse's OCR API.

The queue is short and its end is a 429: whoever sends pages knows better than this service where else to take them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio
from aiohttp import hdrs, web
from anyio import to_thread
from pydantic import SecretStr

from llamaparse_worker.backends.ocr.decoding import decode
from llamaparse_worker.errors import (
    InvalidOption,
    LimitExceeded,
    PageUnreadable,
    TransientError,
    UnsupportedFormat,
    WorkerError,
)
from llamaparse_worker.http.answers import error_answer, json_answer
from llamaparse_worker.http.dependencies import HttpLimits, MetricsSource, ReadinessSource
from llamaparse_worker.http.metrics import metrics_routes
from llamaparse_worker.http.middlewares import middlewares
from llamaparse_worker.http.ocr_form import FORM_BYTES, PageForm, read_form
from llamaparse_worker.http.probes import PROBES, probe_routes
from llamaparse_worker.http.server import hide_versions, listening
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.wire.recognition import answer_of

HEALTH = frozenset({"/health", "/health_check"})
"""The probes of other OCR services; the second is that of the original deployment."""
_RETRY_AFTER_S = 1
"""About the time in which a place gets free: that of a page, shared by the threads that read."""
_DECODERS = 2
"""Images that are decoded at once: as many as there are cores for a worker."""


class OcrMetrics(MetricsSource, Protocol):
    """The metrics of the service."""

    def ocr_answered(self, status: int) -> None:
        """Count the answer to a page."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrDependencies:
    """Everything that the service needs."""

    ocr: Ocr
    health: ReadinessSource
    metrics: OcrMetrics
    token: SecretStr | None
    """Asked for by everything but the probes; None leaves all open."""
    pages: anyio.CapacityLimiter
    """The pages in hand, those that are still being sent or wait for the engine included."""
    max_pixels: int
    image_bytes: int
    form_s: float = 30.0
    """Until a client has sent its form."""
    connections: int = 512


@asynccontextmanager
async def open_ocr_http(host: str, port: int, deps: OcrDependencies) -> AsyncIterator[str]:
    """Serve until the context is left; gives the base address.

    Raises:
        ConfigurationError: HOST or PORT cannot be bound.
    """
    limits = HttpLimits(body_bytes=deps.image_bytes + FORM_BYTES, connections=deps.connections)
    app = web.Application(middlewares=middlewares(deps.token, limits, probes=PROBES | HEALTH))
    app.add_routes(probe_routes(deps.health))
    app.add_routes(_health_routes(deps.health))
    app.add_routes(metrics_routes(deps.metrics))
    app.add_routes([web.post("/ocr", _PageHandler(deps).handle)])
    app.on_response_prepare.append(hide_versions)
    async with listening(host, port, app, limits, cancel_when_gone=True) as address:
        yield address


def _health_routes(health: ReadinessSource) -> Sequence[web.AbstractRouteDef]:
    async def check(_: web.Request) -> web.Response:
        reasons = list(health.reasons())
        if reasons:
            return json_answer({"status": "unhealthy", "reasons": reasons}, status=503)
        return json_answer({"status": "healthy"})

    return [web.get(path, check) for path in sorted(HEALTH)]


class _PageHandler:
    """Takes one page a request."""

    def __init__(self, deps: OcrDependencies) -> None:
        self._deps = deps
        self._decoders = anyio.CapacityLimiter(_DECODERS)

    async def handle(self, request: web.Request) -> web.Response:
        """Read the image of a form."""
        answer = await self._admitted(request)
        self._deps.metrics.ocr_answered(answer.status)
        return answer

    async def _admitted(self, request: web.Request) -> web.Response:
        """Refuse before the image is read what cannot be taken now."""
        if reasons := self._deps.health.reasons():
            return _later(503, "; ".join(reasons))
        place = object()
        try:
            self._deps.pages.acquire_on_behalf_of_nowait(place)
        except anyio.WouldBlock:
            return _later(429, f"{self._deps.pages.total_tokens:g} pages are in hand (OCR_CONCURRENCY)")
        try:
            form = await read_form(request, image_bytes=self._deps.image_bytes, within_s=self._deps.form_s)
            return form if isinstance(form, web.Response) else await self._read(form)
        finally:
            self._deps.pages.release_on_behalf_of(place)

    async def _read(self, form: PageForm) -> web.Response:
        try:
            self._deps.ocr.check_languages(form.languages)
            image = await self._decoded(form.content)
        except LimitExceeded as error:
            return _failure(413, error)
        except (InvalidOption, UnsupportedFormat, PageUnreadable) as error:
            return _failure(400, error)
        try:
            found = await self._deps.ocr.read(image, languages=form.languages)
        except TransientError as error:
            return _later(503, error.message, code=error.code)
        except WorkerError as error:
            return _failure(500, error)
        body = await to_thread.run_sync(_body, found, image.dpi)
        return web.Response(text=body, content_type="application/json")

    async def _decoded(self, content: bytes) -> PixelImage:
        take = partial(decode, content, max_pixels=self._deps.max_pixels)
        return await to_thread.run_sync(take, limiter=self._decoders)


def _body(found: Recognition, dpi: float) -> str:
    return answer_of(found, dpi).model_dump_json()


def _failure(status: int, error: WorkerError) -> web.Response:
    return error_answer(status, error.message, code=error.code)


def _later(status: int, detail: str, *, code: str | None = None) -> web.Response:
    answer = error_answer(status, detail, code=code)
    answer.headers[hdrs.RETRY_AFTER] = str(_RETRY_AFTER_S)
    return answer
