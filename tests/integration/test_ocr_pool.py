"""The pool of OCR threads when its engine is slow, broken, or gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

import anyio
import pytest

from llamaparse_worker.backends.ocr.engine import Engine, Picture
from llamaparse_worker.backends.ocr.pool import PoolSize, open_pool
from llamaparse_worker.errors import ConfigurationError, PageUnreadable, RestartNeeded, TimeLimitExceeded
from llamaparse_worker.interfaces import Pooled, PoolUse
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition
from support.ocr import grey, until
from support.ocr_engine import CRASHES, HANGS, ScriptedOcrSettings, open_scripted

pytestmark = pytest.mark.anyio


def unconcerned(languages: tuple[str, ...]) -> None:
    del languages


class Slow:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        del picture, languages
        time.sleep(self._seconds)
        return Recognition((), "slow")


async def test_a_warm_up_that_outlasts_one_look_is_not_taken_for_done() -> None:
    @contextmanager
    def opened() -> Iterator[Engine]:
        time.sleep(0.4)
        yield Slow(0)

    async with open_pool("slow", opened, PoolSize(1, 1.0), unconcerned) as pool:
        for _ in range(2):
            with pytest.raises(TimeoutError), anyio.fail_after(0.1):
                await pool.ping()
        with anyio.fail_after(2):
            assert await pool.ping() == "slow, 1 threads"


async def test_an_engine_that_cannot_be_opened_is_a_configuration_error_each_time() -> None:
    def opened() -> AbstractContextManager[Engine]:
        raise FileNotFoundError("model.onnx")

    async with open_pool("gone", opened, PoolSize(1, 1.0), unconcerned) as pool:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=r"FileNotFoundError: model\.onnx"):
                await pool.ping()


async def test_a_thread_that_hangs_breaks_the_pool_and_the_others_read_on() -> None:
    async with open_scripted(ScriptedOcrSettings(scripted_ocr_timeout_seconds=0.2)) as pool:
        assert await pool.ping() == "scripted, 2 threads"
        with pytest.raises(TimeLimitExceeded):
            await pool.read(grey(HANGS), languages=())
        with pytest.raises(RestartNeeded, match="1 of 2"):
            await pool.ping()
        assert (await pool.read(grey(4), languages=())).words[0].text == "grey-4"
        assert pool.use() == PoolUse(2, 1)
        with pytest.raises(TimeLimitExceeded):
            await pool.read(grey(HANGS), languages=())
        with pytest.raises(RestartNeeded, match="2 of 2"):
            await pool.read(grey(4), languages=())


async def test_an_engine_that_crashes_costs_its_page() -> None:
    async with open_scripted(ScriptedOcrSettings(scripted_ocr_threads=1)) as pool:
        with pytest.raises(PageUnreadable, match="ZeroDivisionError"):
            await pool.read(grey(CRASHES), languages=())
        assert (await pool.read(grey(4), languages=())).words


async def test_a_thread_that_was_only_late_makes_the_pool_whole_again() -> None:
    @contextmanager
    def opened() -> Iterator[Engine]:
        yield Slow(0.4)

    async with open_pool("slow", opened, PoolSize(1, 0.1), unconcerned) as pool:
        with pytest.raises(TimeLimitExceeded):
            await pool.read(grey(), languages=())
        await until(lambda: pool.use().busy == 0)
        assert await pool.ping()


class Watched(PixelImage):
    """Remembers which threads have looked at its samples."""

    seen_by: ClassVar[set[threading.Thread]] = set()

    def __getattribute__(self, name: str) -> object:
        if name == "samples":
            Watched.seen_by.add(threading.current_thread())
        return super().__getattribute__(name)


async def test_pixels_are_not_copied_on_the_event_loop() -> None:
    page = grey()
    watched = Watched(page.width, page.height, page.channels, page.samples, page.dpi)
    Watched.seen_by.clear()
    async with open_scripted(ScriptedOcrSettings()) as pool:
        assert isinstance(pool, Pooled)
        await pool.read(watched, languages=())

    assert Watched.seen_by
    assert threading.current_thread() not in Watched.seen_by
