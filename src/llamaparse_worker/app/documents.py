"""Puts together what parses documents: parser processes, readers, writers, OCR, models and modes. Needs no server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import CapacityLimiter

from llamaparse_worker.app.ahead import TASKS
from llamaparse_worker.app.backends import open_ocr
from llamaparse_worker.components import Seam, load, targets
from llamaparse_worker.interfaces import Component, Mode, Ocr
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.parsers.cores import usable_cores
from llamaparse_worker.parsers.pool import ParserPool, open_parsers
from llamaparse_worker.parsers.program import Program
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.settings import LocalSettings, read

if TYPE_CHECKING:
    from llamaparse_worker.app.models import ServedModel
    from llamaparse_worker.pipeline.document import DocumentParser
    from llamaparse_worker.throttle.router import Router


@dataclass(frozen=True, slots=True)
class Documents:
    """What parses documents, and the pool under it."""

    parser: DocumentParser
    pool: ParserPool
    processes: int
    ocr: Ocr | None
    """The engine that is open, unless OCR is off."""
    router: Router | None
    """Who has models called, where there are any."""
    models: str
    """Names the models that may be asked, whatever their order."""
    reading: str
    """What of the settings decides how pages are read: of two workers with the same, one may go on for the other."""


def _as_it_is(ocr: Ocr) -> Ocr:
    return ocr


@asynccontextmanager
async def open_documents(
    settings: LocalSettings,
    ocr_limit: CapacityLimiter | None = None,
    *,
    watched: Callable[[Ocr], Ocr] = _as_it_is,
    models: Sequence[ServedModel] = (),
    ahead: Program | None = None,
) -> AsyncIterator[Documents]:
    """Open everything that parsing needs; the parser processes start in the background.

    Args:
        settings: what may be parsed, and how.
        ocr_limit: the limit of pages in OCR, where others watch it too.
        watched: puts around the OCR engine what counts its pages.
        models: those that modes may ask; a mode that none of them can serve is not opened.
        ahead: the fork server, if it was started already.

    Raises:
        ConfigurationError: a component is missing or its settings are wrong.
    """
    pool_settings = read(ParserSettings)
    processes = pool_settings.parser_concurrency or usable_cores()
    config = TaskConfig(
        readers=targets(Seam.READER, settings.plugins),
        writers=targets(Seam.WRITER, settings.plugins),
        max_pixels=settings.max_page_pixels,
        max_images_per_page=settings.max_extracted_images_per_pages,
    )
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_parsers(pool_settings, TASKS, config.model_dump_json(), folder=settings.spool_dir, ahead=ahead)
        )
        # The fork server imports in its own process by now; the imports here run beside it.
        from llamaparse_worker.pipeline.document import DocumentParser  # noqa: PLC0415
        from llamaparse_worker.pipeline.document_limits import DocumentLimits  # noqa: PLC0415
        from llamaparse_worker.pipeline.offer import Offer  # noqa: PLC0415
        from llamaparse_worker.pipeline.pages import ReadingLimits  # noqa: PLC0415

        ocr = None if settings.ocr_engine == "off" else await stack.enter_async_context(open_ocr(settings))
        router = await _open_router(models, settings, stack) if models else None
        parser = DocumentParser(
            pool,
            Offer(
                await _open_modes(settings, router, stack),
                engines={settings.ocr_engine: watched(ocr)} if ocr else {},
                default_engine=settings.ocr_engine if ocr else None,
            ),
            DocumentLimits(
                max_pages=settings.max_pages,
                timeout_base_s=settings.job_timeout_seconds,
                timeout_extra_per_page_s=settings.job_timeout_extra_per_page_seconds,
                max_cost=settings.job_max_cost,
                reading=ReadingLimits(
                    page_timeout_s=settings.page_timeout_seconds,
                    range_size=settings.page_range_size,
                    processes=processes,
                    ocr=ocr_limit or CapacityLimiter(settings.ocr_concurrency),
                ),
            ),
        )
        reading = f"{settings.ocr_engine} {config.model_dump_json()}"
        yield Documents(parser, pool, processes, ocr, router, _names(models), reading)


async def _open_router(models: Sequence[ServedModel], settings: LocalSettings, stack: AsyncExitStack) -> Router:
    from llamaparse_worker.app.models import open_models  # noqa: PLC0415 - only jobs with models need what is behind

    return await stack.enter_async_context(open_models(models, settings))


def _names(models: Sequence[ServedModel]) -> str:
    deployments = (one.model.deployment for one in models)
    return " ".join(sorted(f"{one.provider}/{one.provider_model}" for one in deployments))


async def _open_modes(settings: LocalSettings, router: Router | None, stack: AsyncExitStack) -> dict[ModeName, Mode]:
    """Open the modes that can work: fast always, the others where a model can serve them."""
    opened: dict[ModeName, Mode] = {}
    for name in ModeName if router else (ModeName.FAST,):
        component = load(Seam.MODE, name, settings.plugins)
        if isinstance(component, Component):
            opened[name] = await stack.enter_async_context(component.open(read(component.settings)))
        elif router and router.deployments(name, images=component.sees):
            opened[name] = await stack.enter_async_context(component.open(read(component.settings), router))
    return opened
