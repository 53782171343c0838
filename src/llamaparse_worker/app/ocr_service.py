"""The OCR service: one engine behind HTTP, until a signal, or until its threads hang."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import anyio
import structlog

from llamaparse_worker.app.backends import open_ocr
from llamaparse_worker.components import Seam, enabled
from llamaparse_worker.errors import ConfigurationError, RestartNeeded, WorkerError
from llamaparse_worker.http.ocr import OcrDependencies, open_ocr_http
from llamaparse_worker.interfaces import Ocr, Pooled
from llamaparse_worker.limits import Limits
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.pipeline.manifest import worker_version
from llamaparse_worker.settings import OcrServiceSettings, ServiceManager, read
from llamaparse_worker.worker.health import Health, Phase, watch
from llamaparse_worker.worker.lag import LoopLag
from llamaparse_worker.worker.measured import MeasuredOcr
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.notify import Notifier

PING_INTERVAL_S = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Service:
    """What the parts of a running service share."""

    pages: anyio.CapacityLimiter
    metrics: Metrics
    notifier: Notifier
    health: Health = field(default_factory=lambda: Health(("ocr",)))
    stop: anyio.Event = field(default_factory=anyio.Event)
    defect: WorkerError | None = None
    """Why it ends, where that is no signal."""


async def serve_ocr(settings: OcrServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the settings cannot work, or the engine cannot be opened.
        RestartNeeded: threads of the engine hang; what could be read is read.
    """
    if settings.ocr_engine == "off":
        names = ", ".join(one.name for one in enabled(Seam.OCR, settings.plugins))
        raise ConfigurationError(f"OCR_ENGINE: the OCR service needs an engine: {names}")
    limits = Limits({"ocr": settings.ocr_concurrency})
    manager = read(ServiceManager)
    service = _Service(
        limits["ocr"], Metrics(worker_version(), limits), Notifier(manager.notify_socket, manager.watchdog_usec)
    )
    with one_error():
        async with open_ocr(settings) as ocr, anyio.create_task_group() as background:
            background.start_soon(_obey_signals, service)
            background.start_soon(LoopLag(service.metrics.loop_lagged).run)
            background.start_soon(service.notifier.watchdog)
            pings = {"ocr": partial(_ping, service, ocr.ping)}
            background.start_soon(partial(watch, service.health, pings, interval_s=PING_INTERVAL_S))
            deps = _dependencies(settings, service, ocr)
            async with open_ocr_http(settings.host, settings.port, deps) as address:
                service.health.enter(Phase.READY)
                service.notifier.ready()
                service.notifier.status(f"reading pages with {ocr.name}, {address}")
                log.info("ocr.serving", address=address, engine=ocr.name, pages_at_once=settings.ocr_concurrency)
                await service.stop.wait()
                await _drain(service, settings.grace_period)
            background.cancel_scope.cancel()
    if service.defect:
        raise service.defect


def _dependencies(settings: OcrServiceSettings, service: _Service, ocr: Ocr) -> OcrDependencies:
    if isinstance(ocr, Pooled):
        service.metrics.watch_ocr(ocr.use)
    return OcrDependencies(
        ocr=MeasuredOcr(ocr, service.metrics),
        health=service.health,
        metrics=service.metrics,
        token=settings.api_token,
        pages=service.pages,
        max_pixels=settings.max_page_pixels,
        image_bytes=settings.ocr_max_image_bytes,
    )


async def _ping(service: _Service, ping: Callable[[], Awaitable[str]]) -> str:
    """Ping the engine, and end when waiting cannot bring it back."""
    try:
        return await ping()
    except (RestartNeeded, ConfigurationError) as error:
        service.defect = error
        service.stop.set()
        raise


async def _drain(service: _Service, grace_s: float) -> None:
    """Take no more pages, and answer those in hand."""
    service.health.enter(Phase.DRAINING)
    service.metrics.drain_started()
    service.notifier.stopping()
    service.notifier.extend_timeout(grace_s + 10)
    log.info("ocr.draining", pages=service.pages.borrowed_tokens)
    with anyio.move_on_after(grace_s):
        for place in range(int(service.pages.total_tokens)):
            await service.pages.acquire_on_behalf_of(place)


async def _obey_signals(service: _Service) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for received in signals:
            log.info("ocr.signal", signal=received.name)
            service.stop.set()
