"""A pool of processes that read page images, each with an engine and models of its own.

One page a process: what it does to itself concerns no other page. A page whose process dies is read once more, by a
fresh one, and fails alone when that dies too. A fresh process reads a blank page before it gets one that counts, so
that an engine which cannot work at all is not taken for a page that cannot be read. A process that hangs is killed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import structlog

from llamaparse_worker.backends.ocr.local import LocalEngine, S
from llamaparse_worker.backends.ocr.pool import PoolSize, checked
from llamaparse_worker.backends.ocr.processes.messages import Blueprint, encode_blueprint
from llamaparse_worker.backends.ocr.processes.process import Limits, Lost, OcrProcess
from llamaparse_worker.errors import BackendUnavailable, PageUnreadable, TimeLimitExceeded, WorkerError
from llamaparse_worker.interfaces import PoolUse
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.parsers.control import ChildLimits, Prepare, SandboxPolicy
from llamaparse_worker.parsers.launcher import Launcher
from llamaparse_worker.parsers.outcome import EndReason

_CHILD = "llamaparse_worker.backends.ocr.processes.child"
_FILE_BYTES = 64 << 20
"""Engines write no files; what a driver keeps on disk is small."""
_BLANK_SIDE = 64
_BLANK = PixelImage(_BLANK_SIDE, _BLANK_SIDE, 3, memoryview(b"\xff" * (3 * _BLANK_SIDE**2)), 72.0)

log = structlog.get_logger()


class OcrProcesses:
    """The seam ``Ocr`` over processes, which start with the first page, or all of them with the first ``ping``."""

    def __init__(
        self,
        name: str,
        launcher: Launcher,
        size: PoolSize,
        limits: Limits,
        check: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._name = name
        self._launcher = launcher
        self._limits = limits
        self._check = check
        self._size = size.threads
        self._free = anyio.Semaphore(size.threads)
        self._idle: list[OcrProcess] = []
        self._starts = 0
        self._ended: Counter[EndReason] = Counter()
        self._warming: asyncio.Task[None] | None = None
        self._failure: WorkerError | None = None
        self._proved = False
        """Whether all processes were started, and no start has failed since."""

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._name

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Judge languages as the engine does."""
        self._check(languages)

    def use(self) -> PoolUse:
        """Say how many processes there may be, how many read, and what became of those before."""
        busy = self._size - self._free.value
        return PoolUse(self._size, busy, self._starts, {str(reason): count for reason, count in self._ended.items()})

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Read one page image in a process of the pool."""
        async with self._free:
            try:
                return await self._read(image, languages)
            except Lost:
                log.warning("ocr.page_again", engine=self._name)
            try:
                return await self._read(image, languages)
            except Lost as lost:
                raise PageUnreadable(f"OCR ended on this page twice ({lost}).") from None

    async def ping(self) -> str:
        """Start all processes, once, and say how many there are.

        Raises:
            BackendUnavailable: a process could not even read a blank page.
            ConfigurationError: the engine cannot be opened.
        """
        if not self._proved:
            if self._warming is None or self._warming.done():
                self._warming = asyncio.create_task(self._warm_up())
            await asyncio.shield(self._warming)  # who gives up waiting for it does not stop it
        if self._failure is not None:
            raise self._failure
        return f"{self._name}, {self._size} processes"

    async def _read(self, image: PixelImage, languages: tuple[str, ...]) -> Recognition:
        process = await self._process()
        try:
            return checked(await process.read(image, languages))
        finally:
            self._put_back(process)

    async def _process(self) -> OcrProcess:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                return process
            process.discard()
            self._put_back(process)
        return await self._fresh()

    async def _fresh(self) -> OcrProcess:
        """Start a process and have it read a blank page: its models are loaded then."""
        try:
            process = OcrProcess(self._launcher, self._limits)
            self._starts += 1
            try:
                await process.read(_BLANK, ())
            except BaseException:
                process.end(EndReason.CRASHED)
                self._put_back(process)
                raise
        except (Lost, TimeLimitExceeded) as error:
            raise self._failed(BackendUnavailable(f"{self._name} cannot read a blank page: {error}")) from None
        except WorkerError as error:
            raise self._failed(error) from None
        self._failure = None
        return process

    def _failed(self, error: WorkerError) -> WorkerError:
        self._failure, self._proved = error, False
        return error

    def _put_back(self, process: OcrProcess) -> None:
        if process.end_reason is None:
            self._idle.append(process)
        else:
            self._ended[process.end_reason] += 1

    async def close(self) -> None:
        """End all processes."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        await self._launcher.stop()

    async def _warm_up(self) -> None:
        """Start processes until there are as many as pages may be read at once."""
        held: list[OcrProcess] = []

        async def take() -> None:
            await self._free.acquire()
            try:
                held.append(await self._process())
            except WorkerError as error:
                log.warning("ocr.not_started", engine=self._name, code=error.code, detail=error.message)

        async with anyio.create_task_group() as group:
            for _ in range(self._size):
                group.start_soon(take)
        for process in held:
            self._put_back(process)
        for _ in range(self._size):
            self._free.release()
        self._proved = self._failure is None


@asynccontextmanager
async def open_processes(
    engine: LocalEngine[S], settings: S, size: PoolSize, check: Callable[[tuple[str, ...]], None]
) -> AsyncIterator[OcrProcesses]:
    """Yield a pool, and end its processes. Their environment has nothing of this one's."""
    memory = settings.ocr_memory_limit_bytes
    prepare = Prepare(
        f"{_CHILD}:prepared",
        encode_blueprint(Blueprint(engine.target, settings.model_dump_json())),
        # They get pixels, never a file, and load models, libraries and drivers from wherever these are installed.
        ChildLimits(
            memory_bytes=memory,
            file_bytes=_FILE_BYTES,
            image_bytes=0,
            cpu_seconds=0,
            folder=None,
            sandbox=SandboxPolicy.OFF,
        ),
        serve=f"{_CHILD}:serve",
        name="ocr",
    )
    launcher = Launcher(prepare)
    pool = OcrProcesses(engine.name, launcher, size, Limits(size.page_timeout_s, memory), check)
    try:
        yield pool
    finally:
        await pool.close()
