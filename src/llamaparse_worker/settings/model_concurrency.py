"""``<MODEL>_CONCURRENCY``: variables that exist for whatever models are deployed, under every name of each."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.settings.reading import read
from llamaparse_worker.settings.sources import Sources
from llamaparse_worker.settings.worker import WorkerSettings

_OTHERS = frozenset((*WorkerSettings.model_fields, *ParserSettings.model_fields))
"""What names bound that are no models."""


def concurrency_variable(name: str) -> str:
    """Give the variable of a model's name: in capitals, with ``_`` for all but letters and digits."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}_CONCURRENCY".upper()


def concurrency_model(names: Collection[str]) -> type[BaseModel]:
    """Give the settings model with the variables of these names."""
    variables = {concurrency_variable(name).lower() for name in names if re.search(r"[A-Za-z0-9]", name)} - _OTHERS
    fields: dict[str, Any] = {name: (int | None, Field(default=None, ge=1, le=100_000)) for name in sorted(variables)}
    config = ConfigDict(frozen=True, protected_namespaces=())
    model: type[BaseModel] = create_model("ModelConcurrency", __config__=config, **fields)
    return model


def model_concurrencies(names: Collection[str], *, sources: Sources | None = None) -> dict[str, int]:
    """Give the variables of these names that are set, and their values.

    Raises:
        ConfigurationError: a value is wrong.
    """
    found = read(concurrency_model(names), sources=sources).model_dump(exclude_none=True)
    return {name.upper(): most for name, most in found.items()}
