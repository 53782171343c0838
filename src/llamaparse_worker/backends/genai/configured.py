"""A deployment with its route and with what its key is made of, from a common description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llamaparse_worker.backends.genai.catalogue import Catalogue
from llamaparse_worker.backends.genai.codec import Codec
from llamaparse_worker.backends.genai.keys import FixedKey
from llamaparse_worker.backends.genai.routes import AnthropicRoute, OpenAiRoute, Route
from llamaparse_worker.model.deployment import Deployment, Family, MinuteQuota, Provider

_NO_TEMPERATURE_FROM = "2026-10-21"
"""The version of Anthropic's API that refuses a temperature."""
_EU = "eu"
"""The tag by which an operator says that the data stay there, where the address does not tell."""


@dataclass(frozen=True, slots=True)
class GoogleLogin:
    """Whose tokens are used at Google; without any, those that Google's libraries find."""

    credentials_json: str | None = field(default=None, repr=False)
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class AmazonLogin:
    """Whose signatures are used at Amazon; without any, those that Amazon's tools find."""

    region: str
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)


Login = FixedKey | GoogleLogin | AmazonLogin


@dataclass(frozen=True, slots=True)
class Configured:
    """A deployment, its protocol with its address, and what its key is made of."""

    deployment: Deployment
    codec: Codec
    login: Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is to be deployed, however it was said."""

    id: str
    provider: Provider
    model_id: str
    provider_model: str
    route: Route
    login: Login
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    priority: int = 100
    tags: frozenset[str] = frozenset()
    quota: MinuteQuota | None = None
    """None: what the catalogue says."""


def configured(one: Description, known: Catalogue, *, origin: str) -> Configured:
    """Put together a deployment; ``origin`` are the variables that describe it.

    Raises:
        ValueError: it is said to be in the EU, but its address is not.
    """
    names = tuple(dict.fromkeys((known.makers_name(one.model_id), one.model_id, one.provider_model)))
    profile = known.profile(*names)
    if isinstance(one.route, AnthropicRoute) and one.route.version >= _NO_TEMPERATURE_FROM:
        profile = replace(profile, temperature=False)
    told = one.route.in_eu(one.provider_model)
    if told is False and _EU in one.tags:
        raise ValueError(f"the tag `{_EU}` contradicts the address, which is not there")
    deployment = Deployment(
        id=one.id,
        provider=one.provider,
        model_id=one.model_id,
        provider_model=one.provider_model,
        family=known.family(*names) or _family(one),
        profile=profile,
        priority=one.priority,
        in_eu=_EU in one.tags if told is None else told,
        text_only=isinstance(one.route, OpenAiRoute) and one.route.is_eu_endpoint,
        tags=one.tags,
        aliases=known.aliases_of(*names),
        origin=origin,
        price=known.price(*names),
        quota=one.quota or known.quota(one.id, *names),
    )
    return Configured(deployment, one.route.codec(one.provider_model, profile, one.headers), one.login)


def _family(one: Description) -> Family:
    """Give who makes the models of a provider, for one that no rule knows."""
    match one.provider:
        case Provider.ANTHROPIC:
            return Family.CLAUDE
        case Provider.GEMINI:
            return Family.GEMINI
        case Provider.AZURE:
            return Family.OPENAI
        case _:
            return Family.OTHER
