"""Opens the models that modes may ask, and puts the router with all that bounds calls between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from llamaparse_worker.app.backends import open_genai
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import GenAi
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.settings import LocalSettings
from llamaparse_worker.settings.model_concurrency import concurrency_variable, model_concurrencies
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.cap import Cap
from llamaparse_worker.throttle.errand import Route
from llamaparse_worker.throttle.gate import Gate
from llamaparse_worker.throttle.router import Router, open_router


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that modes may ask, and what the operator lets it be asked."""

    model: GenAi
    most: int
    """Calls at once, of all modes together."""
    budget: Budget = field(default_factory=Budget)
    caps: tuple[Cap, ...] = ()
    """Those that it shares with other deployments."""


@asynccontextmanager
async def open_served(settings: LocalSettings) -> AsyncIterator[Sequence[ServedModel]]:
    """Open the models that the settings describe; each may have as many calls at once as all modes together.

    Raises:
        ConfigurationError: the settings of a provider are wrong, or its credentials cannot be read.
    """
    most = sum(mode_caps(settings).values())
    async with open_genai(settings) as models:
        caps = _model_caps(models)
        yield [
            ServedModel(model, most, Budget.of(model.deployment.quota), caps[model.deployment.id]) for model in models
        ]


@asynccontextmanager
async def open_models(models: Sequence[ServedModel], settings: LocalSettings) -> AsyncIterator[Router]:
    """Open the router between modes and models, within the caps of the modes.

    Raises:
        ConfigurationError: no model is called as the preferred one.
    """
    random = Random()  # noqa: S311 - jitter
    routes = [
        Route(
            one.model,
            Gate(one.model.deployment, most=one.most, budget=one.budget, random=random, caps=one.caps),
        )
        for one in models
    ]
    with one_error():
        async with open_router(routes, mode_caps(settings), _preferred(models, settings)) as router:
            yield router


def model_pings(router: Router) -> dict[str, Callable[[], Coroutine[Any, Any, str]]]:
    """Give for each mode that has models what tells whether any of them works, and which they are."""
    return {
        f"model for {mode}": partial(_ping, router, mode, ", ".join(one.id for one in found))
        for mode in (ModeName.BALANCED, ModeName.MULTIMODAL, ModeName.AGENTIC)
        if (found := router.deployments(mode, images=mode is not ModeName.BALANCED))
    }


async def _ping(router: Router, mode: ModeName, deployments: str) -> str:
    """Give the deployments of a mode, without a call.

    Raises:
        ModelsUnavailable: none of them works.
    """
    if error := router.outage(mode):
        raise error
    return deployments


def mode_caps(settings: LocalSettings) -> dict[ModeName, int]:
    """Give how many calls of a mode may run at once."""
    return {
        ModeName.BALANCED: settings.accurate_mode_llm_concurrency,
        ModeName.MULTIMODAL: settings.multimodal_model_concurrency,
        ModeName.AGENTIC: settings.premium_mode_model_concurrency,
    }


def _model_caps(models: Sequence[GenAi]) -> dict[str, tuple[Cap, ...]]:
    """Give the caps of each deployment: one for each variable that is set and means it."""
    variables = {one.deployment.id: set(map(concurrency_variable, one.deployment.names)) for one in models}
    set_ones = model_concurrencies([name for one in models for name in one.deployment.names])
    caps = {variable: Cap(most) for variable, most in set_ones.items()}
    return {name: tuple(cap for variable, cap in caps.items() if variable in own) for name, own in variables.items()}


def _preferred(models: Sequence[ServedModel], settings: LocalSettings) -> dict[ModeName, str]:
    name = settings.prefered_premium_mode_model
    if name is None or not models:
        return {}
    if not any(one.model.deployment.is_called(name) for one in models):
        known = ", ".join(sorted({called for one in models for called in one.model.deployment.names}))
        raise ConfigurationError(f"PREFERED_PREMIUM_MODE_MODEL={name}: no model is called so; those that are: {known}")
    return {ModeName.AGENTIC: name}
