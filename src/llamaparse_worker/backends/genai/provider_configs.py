"""``LLM_PROVIDER_CONFIGS_JSON``: an array of deployments, in the form of the original deployment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter

from llamaparse_worker.backends.genai import routes
from llamaparse_worker.backends.genai.catalogue import Catalogue, parsed
from llamaparse_worker.backends.genai.configured import AmazonLogin, Description, GoogleLogin, Login
from llamaparse_worker.backends.genai.keys import FixedKey, bearer
from llamaparse_worker.backends.genai.settings import GenAiSettings, Url
from llamaparse_worker.backends.genai.single_variables import amazon_login, google_login
from llamaparse_worker.model.deployment import MinuteQuota, Provider

VARIABLE = "LLM_PROVIDER_CONFIGS_JSON"


def _as_text(value: object) -> object:
    """Take credentials of Google as an object too, not only as its JSON."""
    return json.dumps(value) if isinstance(value, dict) else value


class _Credentials(BaseModel):
    """Those of all providers; each has its own share of them."""

    model_config = ConfigDict(frozen=True)

    api_key: SecretStr | None = None
    base_url: Url | None = None
    org_id: str | None = None
    endpoint: Url | None = None
    deployment_id: str | None = None
    api_version: str | None = None
    credentials_type: str | None = None
    project_id: str | None = None
    location: str | None = None
    credentials: Annotated[SecretStr | None, BeforeValidator(_as_text)] = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    region: str | None = None


class _ProviderConfig(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    provider: Provider
    model_id: str = Field(min_length=1)
    provider_model_name: str | None = None
    enabled: bool = True
    priority: int = 100
    tags: frozenset[str] = frozenset()
    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    credentials: _Credentials = _Credentials()


_CONFIGS = TypeAdapter[tuple[_ProviderConfig, ...]](tuple[_ProviderConfig, ...])


def provider_configs(text: str, settings: GenAiSettings, known: Catalogue) -> Iterator[tuple[str, Description | str]]:
    """Give each enabled entry's place in the variable, and its description or what is wrong with it.

    Raises:
        ValueError: the variable as a whole cannot be read.
    """
    entries = parsed(_CONFIGS, VARIABLE, text)
    for index, one in enumerate(entries):
        if one.enabled:
            place = f"{VARIABLE}[{index}] ({one.id})"
            try:
                yield place, _described(one, settings, known)
            except ValueError as error:
                yield place, str(error)


def _described(one: _ProviderConfig, settings: GenAiSettings, known: Catalogue) -> Description:
    route, login, headers = _reached(one, settings)
    own = {name.lower(): value.get_secret_value() for name, value in one.headers.items()}
    return Description(
        id=one.id,
        provider=one.provider,
        model_id=one.model_id,
        provider_model=_provider_model(one, known),
        route=route,
        login=login,
        headers={**headers, **own},
        priority=one.priority,
        tags=frozenset(tag.lower() for tag in one.tags),
        quota=MinuteQuota(one.rpm, one.tpm) if one.rpm or one.tpm else None,
    )


def _provider_model(one: _ProviderConfig, known: Catalogue) -> str:
    """Give the provider's name of the model: Bedrock, and Vertex AI for Claude, have names that nobody can guess."""
    if one.provider is Provider.AZURE and one.credentials.deployment_id:
        return one.credentials.deployment_id
    makers = known.makers_name(one.model_id)
    needed = one.provider is Provider.BEDROCK or (one.provider is Provider.VERTEXAI and "claude" in makers)
    if needed and makers != one.model_id and not one.provider_model_name:
        raise ValueError(f"provider_model_name is required: {one.provider} has a name of its own for {one.model_id}")
    return one.provider_model_name or makers


def _reached(one: _ProviderConfig, settings: GenAiSettings) -> tuple[routes.Route, Login, Mapping[str, str]]:
    found = one.credentials
    match one.provider:
        case Provider.OPENAI:
            organisation = {"openai-organization": found.org_id} if found.org_id else {}
            key = _key(found, needed=found.base_url is None)
            return routes.OpenAiRoute(found.base_url or routes.OPENAI), _bearer(key), organisation
        case Provider.AZURE:
            azure = routes.AzureRoute(_needed(found.endpoint, "endpoint"), found.api_version)
            return azure, FixedKey("api-key", _key(found)), {}
        case Provider.ANTHROPIC:
            route = routes.AnthropicRoute(settings.anthropic_version, found.base_url or routes.ANTHROPIC)
            return route, FixedKey("x-api-key", _key(found)), {}
        case Provider.GEMINI:
            return routes.GeminiRoute(found.base_url or routes.GEMINI), FixedKey("x-goog-api-key", _key(found)), {}
        case Provider.VERTEXAI:
            return *_vertex(found, settings), {}
        case Provider.BEDROCK:
            return *_bedrock(found, settings), {}


def _vertex(found: _Credentials, settings: GenAiSettings) -> tuple[routes.Route, Login]:
    route = routes.VertexRoute(
        _needed(found.project_id or settings.google_vertex_ai_project_id, "project_id"),
        _needed(found.location or settings.google_vertex_ai_location, "location"),
        found.base_url,
    )
    if found.credentials_type == "proxy":  # which proves the right by itself
        _needed(found.base_url, "base_url")
        return route, FixedKey()
    own = found.credentials.get_secret_value() if found.credentials else None
    return route, GoogleLogin(own) if own else google_login(settings)


def _bedrock(found: _Credentials, settings: GenAiSettings) -> tuple[routes.Route, Login]:
    region = _needed(found.region or settings.aws_bedrock_region or settings.aws_region, "region")
    route = routes.BedrockRoute(region, found.base_url)
    if found.access_key_id or found.secret_access_key:
        secret = found.secret_access_key.get_secret_value() if found.secret_access_key else None
        pair = (_needed(found.access_key_id, "access_key_id"), _needed(secret, "secret_access_key"))
        return route, AmazonLogin(region, *pair)
    return route, amazon_login(region, settings)


def _key(found: _Credentials, *, needed: bool = True) -> str:
    key = found.api_key.get_secret_value() if found.api_key else None
    return _needed(key, "api_key") if needed else key or ""


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise ValueError(f"credentials.{name} is required")
    return value


def _bearer(key: str) -> FixedKey:
    return bearer(key) if key else FixedKey()
