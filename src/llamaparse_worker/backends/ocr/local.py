"""An engine that runs here, as data: the same value opens it in threads of this process, or in processes of its own.

A plugin with an engine makes one ``LocalEngine`` and offers ``component_of`` it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from llamaparse_worker.backends.ocr.engine import EngineFactory
from llamaparse_worker.backends.ocr.pool import PoolSize, open_pool, pool_size
from llamaparse_worker.backends.ocr.settings import OcrPoolSettings
from llamaparse_worker.interfaces import Component, Ocr

S = TypeVar("S", bound=OcrPoolSettings)


@dataclass(frozen=True, slots=True)
class Engines:
    """What one process needs of an engine. Nothing is loaded before the first is opened."""

    open: EngineFactory
    check: Callable[[tuple[str, ...]], None]
    """Judges languages, as ``Ocr.check_languages``."""


@dataclass(frozen=True, slots=True)
class LocalEngine(Generic[S]):
    """An engine that runs on this machine."""

    name: str
    target: str
    """Where this value is found, ``module:attribute``: processes import it by that."""
    settings: type[S]
    prepare: Callable[[S, PoolSize], Engines]
    """Makes what a process needs that reads so many pages at once."""
    size: Callable[[S], PoolSize] = pool_size


def component_of(engine: LocalEngine[S]) -> Component[S, Ocr]:
    """Give the component that an entry point names."""
    return Component(settings=engine.settings, open=partial(open_local, engine))


@asynccontextmanager
async def open_local(engine: LocalEngine[S], settings: S) -> AsyncIterator[Ocr]:
    """Open an engine where OCR_ISOLATION says; models load with the first page or ``ping``.

    Raises:
        ConfigurationError: what the engine needs is not there.
    """
    size = engine.size(settings)
    engines = engine.prepare(settings, size)
    if settings.ocr_isolation == "thread":
        async with open_pool(engine.name, engines.open, size, engines.check) as threads:
            yield threads
        return
    from llamaparse_worker.backends.ocr.processes.pool import open_processes  # noqa: PLC0415 - only for who wants them

    async with open_processes(engine, settings, size, engines.check) as processes:
        yield processes
