"""The daemon: opens everything in order, serves until a signal, drains, and closes in reverse."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
import structlog
from anyio import to_thread

from llamaparse_worker.app.backends import Backends, chosen_models, open_backends
from llamaparse_worker.app.documents import open_documents
from llamaparse_worker.app.memory import leave_out_of_collections
from llamaparse_worker.app.models import model_pings, open_served
from llamaparse_worker.app.port import shown
from llamaparse_worker.app.sources import open_source_fetcher
from llamaparse_worker.app.webhooks import open_webhook_calls
from llamaparse_worker.app.wiring import Opened, page_cache, wired
from llamaparse_worker.errors import ConfigurationError, RestartNeeded, WorkerError
from llamaparse_worker.http.server import open_http
from llamaparse_worker.interfaces import Ocr, Pooled
from llamaparse_worker.limits import Limits
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.pipeline.manifest import worker_version
from llamaparse_worker.pipeline.spool import remove_leftovers, spool_folder
from llamaparse_worker.settings import ServiceManager, Sources, WorkerSettings, read
from llamaparse_worker.settings.catalogue import misspelt
from llamaparse_worker.worker.health import Health, Phase, watch
from llamaparse_worker.worker.lag import LoopLag
from llamaparse_worker.worker.loop import LAST_ROUND_S
from llamaparse_worker.worker.measured import MeasuredOcr
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.notify import Notifier
from llamaparse_worker.worker.patience import until_available
from llamaparse_worker.worker.resources import own_memory_bytes

PING_INTERVAL_S = 5.0
MEMORY_INTERVAL_S = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Daemon:
    """What the parts of a running daemon share."""

    settings: WorkerSettings
    limits: Limits
    metrics: Metrics
    notifier: Notifier
    health: Health
    stop: anyio.Event = field(default_factory=anyio.Event)
    backends: Backends | None = None
    starting: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    """Cancelled by a signal that comes while a backend is still waited for."""
    give_up: Callable[[], None] = lambda: None
    defect: WorkerError | None = None
    """Why the drain began, where that is nothing to end well with."""


async def serve(settings: WorkerSettings) -> None:
    """Run until SIGTERM or SIGINT, or until a restart is due.

    Raises:
        ConfigurationError: the settings cannot work.
        RestartNeeded: OCR hangs; what could be finished is finished.
    """
    _warn(settings)
    async with spool_folder(settings.spool_dir):
        pass  # a folder that cannot be written shall stop the start, not fail every job
    if leftovers := await remove_leftovers(settings.spool_dir):
        log.info("spool.leftovers_removed", folders=leftovers)
    limits = Limits({"jobs": settings.pdf_job_queue_concurrency, "ocr": settings.ocr_concurrency})
    manager = read(ServiceManager)
    daemon = _Daemon(
        settings,
        limits,
        Metrics(worker_version(), limits),
        Notifier(manager.notify_socket, manager.watchdog_usec),
        Health(("broker", "jobs", "objects", *(() if settings.ocr_engine == "off" else ("ocr",)))),
    )
    with one_error():
        async with anyio.create_task_group() as background:
            background.start_soon(_obey_signals, daemon)
            background.start_soon(LoopLag(daemon.metrics.loop_lagged).run)
            background.start_soon(daemon.notifier.watchdog)
            background.start_soon(_announce_drain, daemon)
            port = shown(settings, daemon.health, daemon.metrics, lambda: daemon.backends)
            async with open_http(settings.host, settings.port, port) as address:
                with daemon.starting:
                    await _work(daemon, address)
                daemon.health.enter(Phase.STOPPED)
            background.cancel_scope.cancel()
    if daemon.defect:
        raise daemon.defect


async def _work(daemon: _Daemon, address: str) -> None:
    settings = daemon.settings
    async with (
        open_served(settings) as models,
        open_documents(
            settings, daemon.limits["ocr"], watched=partial(_measured, daemon.metrics), models=models
        ) as documents,
        _patiently_opened(daemon) as backends,
        open_source_fetcher(backends.objects) as sources,
        open_webhook_calls(backends.jobs, daemon.metrics, interval_s=settings.sweep_interval_seconds) as webhooks,
        anyio.create_task_group() as watchers,
    ):
        daemon.backends = backends
        daemon.metrics.watch_parsers(documents.pool.statistics)
        if documents.router:
            daemon.metrics.watch_models(documents.router.use)
        pings = {"broker": backends.broker.ping, "jobs": backends.jobs.ping, "objects": backends.objects.ping}
        if documents.ocr:
            pings["ocr"] = partial(_ping_ocr, daemon, documents.ocr)
        if documents.router:
            pings |= model_pings(documents.router)
        watchers.start_soon(partial(watch, daemon.health, pings, interval_s=PING_INTERVAL_S))
        if settings.max_rss_before_restart:
            watchers.start_soon(_watch_memory, daemon.stop, settings.max_rss_before_restart)
        cache = page_cache(settings, documents, backends)
        if cache:
            watchers.start_soon(cache.keep_small)
        worker = wired(
            settings,
            Opened(documents=documents, backends=backends, sources=sources, webhooks=webhooks, cache=cache),
            daemon.metrics,
            daemon.limits["jobs"],
            on_consuming=lambda: _ready(daemon, address),
        )
        daemon.give_up = worker.give_up
        watchers.start_soon(webhooks.run)
        await documents.pool.ready()
        leave_out_of_collections()
        await worker.run(daemon.stop)
        with anyio.move_on_after(LAST_ROUND_S):
            await webhooks.end()
        watchers.cancel_scope.cancel()


def _measured(metrics: Metrics, ocr: Ocr) -> Ocr:
    if isinstance(ocr, Pooled):
        metrics.watch_ocr(ocr.use)
    return MeasuredOcr(ocr, metrics)


async def _ping_ocr(daemon: _Daemon, ocr: Ocr) -> str:
    """Ping OCR, and drain when waiting cannot bring it back."""
    try:
        return await ocr.ping()
    except (RestartNeeded, ConfigurationError) as error:
        if daemon.defect is None:
            log.error("worker.restart_due", reason=error.code, detail=error.message)  # noqa: TRY400 - no traceback
            daemon.defect = error
            daemon.stop.set()
        raise


@asynccontextmanager
async def _patiently_opened(daemon: _Daemon) -> AsyncIterator[Backends]:
    """Open the backends; while one is away the daemon lives, says that it is not ready, and tries again."""
    async with AsyncExitStack() as stack:
        yield await until_available(
            lambda: stack.enter_async_context(open_backends(daemon.settings)), what="a backend at start"
        )


def _ready(daemon: _Daemon, address: str) -> None:
    if daemon.health.phase is not Phase.STARTING:
        return  # consuming again after the broker was away
    daemon.health.enter(Phase.READY)
    daemon.metrics.worker_started()
    daemon.notifier.ready()
    daemon.notifier.status(f"taking jobs, {address}")
    log.info("worker.ready", address=address, jobs_at_once=daemon.settings.pdf_job_queue_concurrency)


async def _announce_drain(daemon: _Daemon) -> None:
    await daemon.stop.wait()
    daemon.health.enter(Phase.DRAINING)
    daemon.metrics.drain_started()
    daemon.notifier.stopping()
    daemon.notifier.extend_timeout(daemon.settings.grace_period + 10)
    if daemon.backends is None:
        daemon.starting.cancel()


async def _obey_signals(daemon: _Daemon) -> None:
    """Drain at the first signal; hand everything back at the second. A drain of the worker's own is no signal."""
    signalled = False
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for received in signals:
            log.info("worker.signal", signal=received.name)
            if signalled:
                daemon.give_up()
            signalled = True
            daemon.stop.set()


async def _watch_memory(stop: anyio.Event, limit_bytes: int) -> None:
    while True:
        await anyio.sleep(MEMORY_INTERVAL_S)
        used = await to_thread.run_sync(own_memory_bytes)
        if used > limit_bytes:
            log.info("worker.restart_due", reason="MAX_RSS_BEFORE_RESTART", memory_bytes=used)
            stop.set()
            return


def _warn(settings: WorkerSettings) -> None:
    for miss in misspelt(Sources.of_process(), chosen_models(settings)):
        log.warning("settings.unknown_variable", name=miss.name, meant=miss.meant)
    if settings.broker != "embedded" and settings.jobs == "sqlite":
        log.warning(
            "settings.single_worker",
            hint="a shared queue with a job store in SQLite is for a single worker; set DATABASE_URL to run several",
        )
