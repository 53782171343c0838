"""A pool of threads that read page images with an engine of this process.

Engines release the interpreter's lock while they work, and get decoded pixels only, never a file. A worker stands for
two cores, so it has two threads. There is no queue here: whoever calls waits for a thread, and the callers are bounded
by the limit of pages in OCR.

A thread cannot be killed. One that has not come back within the time limit is left alone with its engine, and as long
as it is away the pool calls itself broken (``RestartNeeded``): the program finishes what it has and is started anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import isfinite
from queue import SimpleQueue
from threading import Thread

import anyio
import structlog
from anyio import to_thread

from llamaparse_worker.backends.ocr.engine import Engine, EngineFactory, Picture
from llamaparse_worker.backends.ocr.priority import let_others_go_first
from llamaparse_worker.backends.ocr.settings import OcrPoolSettings
from llamaparse_worker.errors import (
    ConfigurationError,
    PageUnreadable,
    RestartNeeded,
    TimeLimitExceeded,
    WorkerError,
)
from llamaparse_worker.interfaces import PoolUse
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.parsers.cores import usable_cores

THREADS_PER_WORKER = 2
_LONGEST_END_S = 10.0
"""A page takes seconds; whoever stops the program does not wait for one that takes minutes."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PoolSize:
    """How many pages are read at once, and how long one may take."""

    threads: int
    page_timeout_s: float


def pool_size(settings: OcrPoolSettings) -> PoolSize:
    """Give the pool's size for these settings and the cores of this process."""
    workers = settings.ocr_worker or max(1, usable_cores() // THREADS_PER_WORKER)
    return PoolSize(workers * THREADS_PER_WORKER, settings.ocr_page_timeout_seconds)


class OcrPool:
    """The seam ``Ocr`` over an engine of this process. Threads start with the first page, or the first ``ping``."""

    def __init__(
        self, name: str, open_engine: EngineFactory, size: PoolSize, check: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._name = name
        self._open_engine = open_engine
        self._size = size
        self._check = check
        self._idle: list[_Reader] = []
        self._readers: list[_Reader] = []
        self._free = anyio.Semaphore(size.threads)
        self._away: set[_Reader] = set()
        self._warm: asyncio.Future[Recognition] | None = None

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._name

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Judge languages as the engine does."""
        self._check(languages)

    def use(self) -> PoolUse:
        """Say how many threads there are, and how many of them read or hang."""
        return PoolUse(self._size.threads, self._size.threads - self._free.value)

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Read one page image in a thread of the pool."""
        reading = await self._begun(lambda: owned(image), languages)
        try:
            with anyio.fail_after(self._size.page_timeout_s):
                return checked(await asyncio.shield(reading.answer))
        except TimeoutError:
            self._away.add(reading.reader)
            log.warning("ocr.hung", engine=self._name, limit_s=self._size.page_timeout_s, threads=len(self._away))
            raise TimeLimitExceeded(
                f"OCR did not read a page within {self._size.page_timeout_s:g} s (OCR_PAGE_TIMEOUT_SECONDS)."
            ) from None

    async def ping(self) -> str:
        """Load what the engine needs, once, and say which it is.

        Raises:
            RestartNeeded: a thread has not come back.
            ConfigurationError: the engine cannot be opened.
        """
        if self._away:
            raise self._broken()
        if self._warm is None or (self._warm.done() and self._warm.exception()):
            self._warm = (await self._begun(_blank, ())).answer
        await asyncio.shield(self._warm)  # who gives up waiting for it does not stop it
        return f"{self._name}, {self._size.threads} threads"

    async def close(self) -> None:
        """Have the threads end after what they are doing, and wait for them; one that hangs ends with the program.

        A thread that comes out of an engine while the interpreter ends would take the program down with an abort.
        """
        for reader in self._readers:
            reader.end()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._await_threads)

    def _await_threads(self) -> None:
        last = time.monotonic() + _LONGEST_END_S
        for reader in self._readers:
            if reader not in self._away:
                reader.join(max(0.0, last - time.monotonic()))

    def _broken(self) -> RestartNeeded:
        return RestartNeeded(f"{len(self._away)} of {self._size.threads} OCR threads hang")

    async def _begun(self, take: Callable[[], Picture], languages: tuple[str, ...]) -> _Reading:
        """Wait for a free thread and give it the picture; it is free again when it has come back, not before.

        ``take`` copies the pixels off the event loop, and only once there is a thread to read them.
        """
        await self._thread_is_free()
        try:
            picture = await to_thread.run_sync(take)
        except BaseException:
            self._free.release()
            raise
        reader = self._idle.pop() if self._idle else self._new_reader()
        answer = asyncio.wrap_future(reader.submit(picture, languages))
        answer.add_done_callback(lambda done: self._came_back(reader, done))
        return _Reading(reader, answer)

    async def _thread_is_free(self) -> None:
        """Wait for a thread; where all of them hang, no longer than they may read."""
        while True:
            with anyio.move_on_after(self._size.page_timeout_s):
                await self._free.acquire()
                return
            if len(self._away) == self._size.threads:
                raise self._broken()

    def _new_reader(self) -> _Reader:
        reader = _Reader(f"ocr-{len(self._readers) + 1}", self._open_engine)
        self._readers.append(reader)
        reader.start()
        return reader

    def _came_back(self, reader: _Reader, done: asyncio.Future[Recognition]) -> None:
        if not done.cancelled():
            done.exception()  # nobody may be waiting any more: it counts as seen
        self._away.discard(reader)
        self._idle.append(reader)
        self._free.release()


@dataclass(frozen=True, slots=True)
class _Reading:
    reader: _Reader
    answer: asyncio.Future[Recognition]


@asynccontextmanager
async def open_pool(
    name: str, open_engine: EngineFactory, size: PoolSize, check: Callable[[tuple[str, ...]], None]
) -> AsyncIterator[OcrPool]:
    """Yield a pool, and end its threads."""
    pool = OcrPool(name, open_engine, size, check)
    try:
        yield pool
    finally:
        await pool.close()


def owned(image: PixelImage) -> Picture:
    """Copy the pixels, as the thread that reads them may outlive the image."""
    import numpy as np  # noqa: PLC0415 - see ``engine``

    samples = np.frombuffer(image.samples, np.uint8, image.width * image.height * image.channels)
    return Picture(samples.reshape(image.height, image.width, image.channels).copy(), image.dpi)


def _blank() -> Picture:
    import numpy as np  # noqa: PLC0415 - see ``engine``

    return Picture(np.full((64, 64, 3), 255, np.uint8), 72.0)


def checked(found: Recognition) -> Recognition:
    """Give a recognition that makes sense.

    Raises:
        PageUnreadable: boxes or confidences are impossible: the engine is not to be trusted with this page.
    """
    for word in found.words:
        box = word.box
        if not all(map(isfinite, (box.x0, box.y0, box.x1, box.y1, word.confidence))):
            raise PageUnreadable("OCR gave a word without a place.")
        if box.x1 < box.x0 or box.y1 < box.y0 or not 0 <= word.confidence <= 1:
            raise PageUnreadable("OCR gave a word with an impossible box or confidence.")
    return found


@dataclass(frozen=True, slots=True)
class _Task:
    picture: Picture
    languages: tuple[str, ...]
    answer: Future[Recognition]


class _Reader(Thread):
    """A thread with an engine of its own, which is opened anew after an error that is not the page's."""

    def __init__(self, name: str, open_engine: EngineFactory) -> None:
        super().__init__(name=name, daemon=True)
        self._open_engine = open_engine
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()

    def submit(self, picture: Picture, languages: tuple[str, ...]) -> Future[Recognition]:
        """Have a picture read; one at a time."""
        task = _Task(picture, languages, Future())
        self._tasks.put(task)
        return task.answer

    def end(self) -> None:
        """Let the thread end after its task."""
        self._tasks.put(None)

    def run(self) -> None:
        """Read until told to end."""
        let_others_go_first()
        while (task := self._tasks.get()) is not None:
            try:
                with self._open_engine() as engine:
                    task_left = _read_all(engine, task, self._tasks)
            except Exception as error:  # noqa: BLE001 - the thread must go on; the page's caller gets the error
                if not task.answer.done():
                    task.answer.set_exception(cannot_open(error))
                continue
            if not task_left:
                return


def cannot_open(error: Exception) -> WorkerError:
    """Give what the worker hears of an engine that cannot be opened."""
    if isinstance(error, WorkerError):
        return error
    return ConfigurationError(f"the OCR engine cannot be opened: {type(error).__name__}: {error}")


def _read_all(engine: Engine, task: _Task | None, tasks: SimpleQueue[_Task | None]) -> bool:
    """Read until told to end (False), or until the engine fails and is to be opened anew (True)."""
    while task is not None:
        try:
            task.answer.set_result(engine.read(task.picture, task.languages))
        except WorkerError as error:
            task.answer.set_exception(error)
        except Exception as error:
            log.exception("ocr.failed", error=type(error).__name__)
            task.answer.set_exception(PageUnreadable(f"OCR failed on this page ({type(error).__name__})."))
            return True
        task = tasks.get()
    return False
