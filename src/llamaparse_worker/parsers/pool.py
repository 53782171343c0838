"""The pool of parser processes: forked on demand, kept warm, one holder at a time, replaced before they wear out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import structlog

from llamaparse_worker.parsers.budget import ByteBudget
from llamaparse_worker.parsers.control import ChildLimits, Prepare, Safeguard
from llamaparse_worker.parsers.cores import usable_cores
from llamaparse_worker.parsers.launcher import Launcher
from llamaparse_worker.parsers.outcome import EndReason
from llamaparse_worker.parsers.process import Process, Surroundings
from llamaparse_worker.parsers.program import Program
from llamaparse_worker.parsers.protocol import prepare
from llamaparse_worker.parsers.settings import ParserSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ParserStatistics:
    """The pool at one moment; ``starts`` and ``restarts`` count since it was opened."""

    capacity: int
    busy: int
    idle: int
    waiting: int
    """Holders to be that wait for a process."""
    starts: int
    restarts: Mapping[EndReason, int]
    idle_peak_resident_bytes: tuple[int, ...]
    """The most that each idle process ever had resident."""
    image_bytes: int
    """Page images that were sent and not yet read."""
    safeguards: tuple[Safeguard, ...] = ()
    """What confines the processes; empty until the fork server has found out."""


class ParserPool:
    """Hands out parser processes in the order of asking."""

    def __init__(self, settings: ParserSettings, launcher: Launcher, limiter: anyio.CapacityLimiter) -> None:
        self._settings = settings
        self._around = Surroundings(
            launcher, ByteBudget(settings.parser_max_image_bytes), settings.parser_memory_limit_bytes
        )
        self.limiter = limiter
        self._idle: list[Process] = []
        self._starts = 0
        self._restarts: Counter[EndReason] = Counter()

    async def ready(self) -> None:
        """Wait until processes can be forked at once.

        Raises:
            ConfigurationError: the tasks could not be made.
        """
        await self._around.launcher.ready()

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        """Wait for a free process and hold it.

        Raises:
            ConfigurationError: the tasks could not be made.
        """
        holder = object()
        await self.limiter.acquire_on_behalf_of(holder)
        try:
            held = self._take()
            try:
                yield held
            finally:
                self._put_back(held)
        finally:
            self.limiter.release_on_behalf_of(holder)

    def statistics(self) -> ParserStatistics:
        """Count."""
        usage = self.limiter.statistics()
        return ParserStatistics(
            capacity=int(usage.total_tokens),
            busy=usage.borrowed_tokens,
            idle=len(self._idle),
            waiting=usage.tasks_waiting,
            starts=self._starts,
            restarts=dict(self._restarts),
            idle_peak_resident_bytes=tuple(process.peak_resident_bytes for process in self._idle),
            image_bytes=self._around.images.used,
            safeguards=self._around.launcher.safeguards,
        )

    def _take(self) -> Process:
        while self._idle:
            if (warm := self._idle.pop()).fit():
                return warm
            warm.discard()
            self._count(warm)
        self._starts += 1
        return Process(self._around.launcher.fork(), self._around)

    def _put_back(self, process: Process) -> None:
        process.documents += 1
        if process.end_reason is None and (reason := self._worn_out(process)) is not None:
            process.end(reason)
        if process.end_reason is None:
            self._idle.append(process)
        else:
            self._count(process)

    def _worn_out(self, process: Process) -> EndReason | None:
        if process.suspect:
            return EndReason.CRASHED
        if process.documents >= self._settings.parser_max_documents:
            return EndReason.DOCUMENTS
        if process.peak_resident_bytes >= self._settings.parser_max_rss_bytes:
            return EndReason.MEMORY
        return None

    def _count(self, process: Process) -> None:
        if process.end_reason is not None:
            self._restarts[process.end_reason] += 1
            log.debug("parser.replaced", reason=process.end_reason, documents=process.documents)


@asynccontextmanager
async def open_parsers(
    settings: ParserSettings,
    tasks: str,
    config: str,
    *,
    folder: Path | None = None,
    limiter: anyio.CapacityLimiter | None = None,
    ahead: Program | None = None,
) -> AsyncIterator[ParserPool]:
    """Open the pool; nothing waits for the first process here.

    Args:
        settings: limits.
        tasks: ``module:attribute`` of a factory that makes ``interfaces.Tasks`` of ``config``. It is called once, in
            the fork server.
        config: a text without secrets, for the factory.
        folder: documents and results lie below it, each in a folder whose name cannot be guessed; None: the tasks need
            no files.
        limiter: capacity to share with whoever watches or resizes it; by default one of ``parser_concurrency``.
        ahead: a fork server that was started before these were known, and shall serve now.
    """
    launcher = Launcher(Prepare(tasks, config, _child_limits(settings, folder)), ahead)
    launcher.start()
    prepare()  # while the fork server imports
    try:
        size = settings.parser_concurrency or usable_cores()
        yield ParserPool(settings, launcher, limiter or anyio.CapacityLimiter(size))
    finally:
        await launcher.stop()


def _child_limits(settings: ParserSettings, folder: Path | None) -> ChildLimits:
    return ChildLimits(
        memory_bytes=settings.parser_memory_limit_bytes,
        file_bytes=settings.parser_max_file_bytes,
        image_bytes=settings.parser_max_image_bytes,
        cpu_seconds=settings.parser_max_cpu_seconds,
        folder=None if folder is None else str(folder.absolute()),
        sandbox=settings.parser_sandbox,
    )
