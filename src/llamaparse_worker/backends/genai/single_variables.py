"""Deployments from the variables of single providers: every model that they name, at every provider that has a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from pydantic import SecretStr

from llamaparse_worker.backends.genai import routes
from llamaparse_worker.backends.genai.catalogue import Catalogue
from llamaparse_worker.backends.genai.configured import AmazonLogin, Description, GoogleLogin, Login
from llamaparse_worker.backends.genai.keys import FixedKey, bearer
from llamaparse_worker.backends.genai.model_variables import azure_models, bedrock_models
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.model.deployment import Provider

Found = Iterator[tuple[str, Description | str]]
"""Variables, and what they describe or what is wrong with them."""


def single_variables(settings: GenAiSettings, known: Catalogue) -> Found:
    """Give everything that the variables of single providers describe."""
    return chain(
        _openai(settings, known),
        _azure(settings, known),
        _anthropic(settings, known),
        _gemini(settings, known),
        _vertex(settings, known),
        _bedrock(settings),
    )


def google_login(settings: GenAiSettings) -> GoogleLogin:
    """Give whose tokens the settings want at Google."""
    return GoogleLogin(revealed(settings.google_vertex_ai_credentials_json), settings.google_application_credentials)


def amazon_login(region: str, settings: GenAiSettings) -> Login:
    """Give whose keys the settings want at Amazon.

    Raises:
        ValueError: one half of them is missing.
    """
    if token := revealed(settings.aws_bearer_token_bedrock):
        return bearer(token)
    key_id, secret = settings.aws_bedrock_access_key_id, revealed(settings.aws_bedrock_secret_access_key)
    if (key_id is None) != (secret is None):
        raise ValueError("AWS_BEDROCK_ACCESS_KEY_ID and AWS_BEDROCK_SECRET_ACCESS_KEY: set both, or neither")
    return AmazonLogin(region, key_id, secret)


def custom_headers(variable: str, secret: SecretStr | None) -> dict[str, str]:
    """Read ``Name: value`` lines.

    Raises:
        ValueError: a line has another form.
    """
    found = {}
    for line in filter(None, map(str.strip, (revealed(secret) or "").splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not name.strip().replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"{variable}: a line is not `Name: value`")
        found[name.strip().lower()] = value.strip()
    return found


def revealed(secret: SecretStr | None) -> str | None:
    """Give the text of a secret."""
    return secret.get_secret_value() if secret else None


def _openai(settings: GenAiSettings, known: Catalogue) -> Found:
    keys = {
        "OPENAI_API_KEY": settings.openai_api_key,
        "LC_OPENAI_API_KEY": settings.lc_openai_api_key,
        "EVAL_OPENAI_API_KEY": settings.eval_openai_api_key,
    }
    variable = next((name for name, one in keys.items() if one), "OPENAI_BASE_URL")
    key = revealed(keys.get(variable))
    try:
        headers = custom_headers("OPENAI_CUSTOM_HEADERS", settings.openai_custom_headers)
    except ValueError as error:
        yield "OPENAI_CUSTOM_HEADERS", str(error)
        return
    if settings.openai_org_id:
        headers.setdefault("openai-organization", settings.openai_org_id)
    if settings.openai_project_id:
        headers.setdefault("openai-project", settings.openai_project_id)
    if key or settings.openai_base_url != routes.OPENAI:
        route = routes.OpenAiRoute(settings.openai_base_url)
        login = bearer(key) if key else FixedKey()
        models = settings.openai_models
        yield from _each(f"{variable}, OPENAI_MODELS", Provider.OPENAI, models, route, login, known, headers)
    if eu_key := revealed(settings.openai_eu_api_key):
        eu = routes.OpenAiRoute(settings.openai_eu_base_url)
        named, models = "OPENAI_EU_API_KEY, OPENAI_MODELS", settings.openai_models
        yield from _each(named, Provider.OPENAI, models, eu, bearer(eu_key), known, name="openai-eu")


def _azure(settings: GenAiSettings, known: Catalogue) -> Found:
    key, token = revealed(settings.azure_openai_api_key), revealed(settings.azure_openai_ad_token)
    common = FixedKey("api-key", key) if key else bearer(token) if token else None
    common_key = "AZURE_OPENAI_API_KEY" if key else "AZURE_OPENAI_AD_TOKEN"
    for one in azure_models(settings):
        endpoint = one.base_url or settings.azure_openai_endpoint
        login = FixedKey("api-key", one.api_key) if one.api_key else common
        if endpoint is None or login is None:
            missing = "BASE_URL" if endpoint is None else "API_KEY"
            yield one.variable, f"{one.variable}_{missing} is required, as no variable says it for all models"
            continue
        route = routes.AzureRoute(endpoint, one.api_version or settings.azure_openai_api_version)
        name = one.deployment_name or known.makers_name(one.model_id)
        named = f"{one.variable}_API_KEY" if one.api_key else f"{common_key}, {one.variable}_DEPLOYMENT_NAME"
        yield named, _description("azure", Provider.AZURE, one.model_id, name, route, login)
    if settings.azure_openai_deployments:
        if settings.azure_openai_endpoint is None or common is None:
            yield "AZURE_OPENAI_DEPLOYMENTS", "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY are required"
            return
        route = routes.AzureRoute(settings.azure_openai_endpoint, settings.azure_openai_api_version)
        for name in settings.azure_openai_deployments:
            named = f"{common_key}, AZURE_OPENAI_DEPLOYMENTS"
            yield named, _description("azure", Provider.AZURE, name, name, route, common)


def _anthropic(settings: GenAiSettings, known: Catalogue) -> Found:
    key, token = revealed(settings.anthropic_api_key), revealed(settings.anthropic_auth_token)
    if key or token:
        try:
            headers = custom_headers("ANTHROPIC_CUSTOM_HEADERS", settings.anthropic_custom_headers)
        except ValueError as error:
            yield "ANTHROPIC_CUSTOM_HEADERS", str(error)
            return
        route = routes.AnthropicRoute(settings.anthropic_version, settings.anthropic_base_url)
        login = FixedKey("x-api-key", key) if key else bearer(token or "")
        named = f"{'ANTHROPIC_API_KEY' if key else 'ANTHROPIC_AUTH_TOKEN'}, ANTHROPIC_MODELS"
        yield from _each(named, Provider.ANTHROPIC, settings.anthropic_models, route, login, known, headers)


def _gemini(settings: GenAiSettings, known: Catalogue) -> Found:
    if key := revealed(settings.google_gemini_api_key):
        route, login = routes.GeminiRoute(settings.google_gemini_base_url), FixedKey("x-goog-api-key", key)
        named, models = "GOOGLE_GEMINI_API_KEY, GOOGLE_GEMINI_MODELS", settings.google_gemini_models
        yield from _each(named, Provider.GEMINI, models, route, login, known)


def _vertex(settings: GenAiSettings, known: Catalogue) -> Found:
    if not settings.google_vertex_ai_enabled:
        return
    project, location = settings.google_vertex_ai_project_id, settings.google_vertex_ai_location
    models = settings.google_vertex_ai_models
    if not (project and location and models):
        needed = {"PROJECT_ID": project, "LOCATION": location, "MODELS": models}
        missing = " and ".join(f"GOOGLE_VERTEX_AI_{name}" for name, value in needed.items() if not value)
        yield "GOOGLE_VERTEX_AI_ENABLED", f"GOOGLE_VERTEX_AI_ENABLED needs {missing}"
        return
    route = routes.VertexRoute(project, location, settings.google_vertex_ai_base_url)
    login = google_login(settings)
    file = "GOOGLE_APPLICATION_CREDENTIALS" if login.path else "GOOGLE_VERTEX_AI_PROJECT_ID"
    named = f"{'GOOGLE_VERTEX_AI_CREDENTIALS_JSON' if login.credentials_json else file}, GOOGLE_VERTEX_AI_MODELS"
    yield from _each(named, Provider.VERTEXAI, models, route, login, known)


def _bedrock(settings: GenAiSettings) -> Found:
    if not settings.aws_bedrock_enabled:
        return
    named = (*bedrock_models(settings), *((name, name) for name in settings.aws_bedrock_models))
    region = settings.aws_bedrock_region or settings.aws_region
    if not named or not region:
        what = "a region (AWS_BEDROCK_REGION)" if named else "a model, such as AWS_BEDROCK_HAIKU_4_5_MODEL_VERSION_NAME"
        yield "AWS_BEDROCK_ENABLED", f"AWS_BEDROCK_ENABLED needs {what}"
        return
    try:
        login = amazon_login(region, settings)
    except ValueError as error:
        yield "AWS_BEDROCK_ENABLED", str(error)
        return
    key = "AWS_BEDROCK_ACCESS_KEY_ID" if settings.aws_bedrock_access_key_id else "AWS_BEDROCK_REGION"
    origin = f"{'AWS_BEARER_TOKEN_BEDROCK' if settings.aws_bearer_token_bedrock else key}, AWS_BEDROCK_ENABLED"
    for model_id, name in named:
        route = routes.BedrockRoute(region)
        yield origin, _description("bedrock", Provider.BEDROCK, model_id, name, route, login)


def _each(
    named: str,
    provider: Provider,
    models: tuple[str, ...],
    route: routes.Route,
    login: Login,
    known: Catalogue,
    headers: Mapping[str, str] | None = None,
    *,
    name: str = "",
) -> Found:
    for model_id in models:
        makers = known.makers_name(model_id)
        yield named, _description(name or provider, provider, model_id, makers, route, login, headers)


def _description(
    prefix: str,
    provider: Provider,
    model_id: str,
    provider_model: str,
    route: routes.Route,
    login: Login,
    headers: Mapping[str, str] | None = None,
) -> Description:
    return Description(
        id=f"{prefix}:{model_id}",
        provider=provider,
        model_id=model_id,
        provider_model=provider_model,
        route=route,
        login=login,
        headers=headers or {},
    )
