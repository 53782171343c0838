"""From the settings to all deployments, or to everything that is wrong with them. Pure."""

from __future__ import annotations

from collections import Counter

from llamaparse_worker.backends.genai.catalogue import catalogue
from llamaparse_worker.backends.genai.configured import Configured, configured
from llamaparse_worker.backends.genai.provider_configs import provider_configs
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.backends.genai.single_variables import revealed, single_variables


def deployments(settings: GenAiSettings) -> tuple[Configured, ...]:
    """Give all deployments, the preferred first; among those of one priority in the order in which they are named.

    Raises:
        ValueError: a variable is wrong; the message names each, and never shows a secret.
    """
    known = catalogue(
        settings.genai_profiles_json,
        settings.genai_aliases_json,
        settings.genai_prices_json,
        settings.genai_quotas_json,
    )
    text = revealed(settings.llm_provider_configs_json)
    found: list[Configured] = []
    problems: list[str] = []
    for place, one in provider_configs(text, settings, known) if text else single_variables(settings, known):
        if isinstance(one, str):
            problems.append(f"{place}: {one}")
            continue
        try:
            found.append(configured(one, known, origin=place))
        except ValueError as error:
            problems.append(f"{place}: {error}")
    counted = Counter(one.deployment.id for one in found)
    problems += (f"two deployments have the id {name}" for name, count in counted.items() if count > 1)
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(sorted(found, key=lambda one: -one.deployment.priority))
