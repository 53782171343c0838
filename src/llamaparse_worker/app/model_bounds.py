"""The settings of ``<MODEL>_CONCURRENCY``. Apart from ``models``, as it needs every provider, and a start does not."""

from __future__ import annotations

from pydantic import BaseModel

from llamaparse_worker.backends.genai.deployments import deployments
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.settings import Sources, read
from llamaparse_worker.settings.model_concurrency import concurrency_model


def model_bounds(sources: Sources) -> type[BaseModel]:
    """Give the settings model of ``<MODEL>_CONCURRENCY`` for whatever the providers' variables deploy.

    Raises:
        ConfigurationError: the settings of a provider are wrong.
    """
    deployed = deployments(read(GenAiSettings, sources=sources))
    return concurrency_model([name for one in deployed for name in one.deployment.names])
