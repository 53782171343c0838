"""Opens the broker, the job store, the object store, the OCR engine and the models that the settings choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import BaseModel

from llamaparse_worker.components import Seam, enabled, load
from llamaparse_worker.interfaces import Broker, GenAi, JobStore, ObjectStore, Ocr
from llamaparse_worker.settings import LocalSettings, read


@dataclass(frozen=True, slots=True)
class Backends:
    """The three stores of a deployment."""

    broker: Broker
    jobs: JobStore
    objects: ObjectStore


def chosen_models(settings: LocalSettings) -> tuple[type[BaseModel], ...]:
    """Give the settings models of the components that the settings choose.

    Raises:
        ConfigurationError: a component is missing, or PLUGINS names one that is not installed.
    """
    for seam in Seam:
        enabled(seam, settings.plugins)
    models = [
        load(Seam.BROKER, settings.broker, settings.plugins).settings,
        load(Seam.JOBS, settings.jobs, settings.plugins).settings,
        load(Seam.OBJECTS, settings.objects, settings.plugins).settings,
    ]
    if settings.ocr_engine != "off":
        models.append(load(Seam.OCR, settings.ocr_engine, settings.plugins).settings)
    models += (load(Seam.GENAI, one.name, settings.plugins).settings for one in enabled(Seam.GENAI, settings.plugins))
    return tuple(models)


@asynccontextmanager
async def open_backends(settings: LocalSettings) -> AsyncIterator[Backends]:
    """Open all three, with the schema of the job store up to date.

    Raises:
        ConfigurationError: a component is missing or its settings are wrong.
        BackendUnavailable: one does not answer.
    """
    async with AsyncExitStack() as stack:
        jobs = await stack.enter_async_context(open_jobs(settings))
        await jobs.migrate()
        objects = await stack.enter_async_context(open_objects(settings))
        broker = await stack.enter_async_context(open_broker(settings))
        yield Backends(broker, jobs, objects)


@asynccontextmanager
async def open_broker(settings: LocalSettings) -> AsyncIterator[Broker]:
    """Open the broker alone."""
    component = load(Seam.BROKER, settings.broker, settings.plugins)
    async with component.open(read(component.settings)) as broker:
        yield broker


@asynccontextmanager
async def open_jobs(settings: LocalSettings) -> AsyncIterator[JobStore]:
    """Open the job store alone; its schema may be out of date."""
    component = load(Seam.JOBS, settings.jobs, settings.plugins)
    async with component.open(read(component.settings)) as jobs:
        yield jobs


@asynccontextmanager
async def open_objects(settings: LocalSettings) -> AsyncIterator[ObjectStore]:
    """Open the object store alone."""
    component = load(Seam.OBJECTS, settings.objects, settings.plugins)
    async with component.open(read(component.settings)) as objects:
        yield objects


@asynccontextmanager
async def open_ocr(settings: LocalSettings) -> AsyncIterator[Ocr]:
    """Open the OCR engine alone; ``ping`` loads its models.

    Raises:
        ConfigurationError: OCR_ENGINE is off, or names no component that may be used.
    """
    component = load(Seam.OCR, settings.ocr_engine, settings.plugins)
    async with component.open(read(component.settings)) as ocr:
        yield ocr


@asynccontextmanager
async def open_genai(settings: LocalSettings) -> AsyncIterator[tuple[GenAi, ...]]:
    """Open the deployments of models of all providers, the preferred first; nothing is asked yet.

    Raises:
        ConfigurationError: the settings of a provider are wrong, or its credentials cannot be read.
    """
    async with AsyncExitStack() as stack:
        found: list[GenAi] = []
        for one in enabled(Seam.GENAI, settings.plugins):
            component = load(Seam.GENAI, one.name, settings.plugins)
            found += await stack.enter_async_context(component.open(read(component.settings)))
        yield tuple(sorted(found, key=lambda model: -model.deployment.priority))
