"""Settings of providers: the variables of the original deployment, and those of the providers' own tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator

from llamaparse_worker.backends.genai import routes
from llamaparse_worker.backends.genai.model_variables import AzureModelSettings, BedrockModelSettings

_URL = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"
Url = Annotated[str, Field(pattern=_URL)]


class _Variables(BaseModel):
    model_config = ConfigDict(frozen=True)


class GenAiCommonSettings(_Variables):
    """All providers of models."""

    llm_provider_configs_json: SecretStr | None = Field(
        default=None,
        description="The deployments of models as a JSON array (docs/providers); where it is set, it alone says which "
        "there are, and the variables of single providers add none",
    )
    genai_profiles_json: str | None = Field(
        default=None,
        description="What may be sent to a model, as a JSON object of patterns of its name (docs/providers); what it "
        "does not say stays as built in",
    )
    genai_aliases_json: str | None = Field(
        default=None,
        description="Names by which jobs and variables may call models, as a JSON object of lists of patterns "
        "(docs/providers); beside those built in",
    )
    genai_prices_json: str | None = Field(
        default=None,
        description="Prices of a million tokens, as a JSON object of patterns of a model's name: "
        '`{"gpt-*": {"input": 1, "output": 4, "cached": 0.5}}`. None are built in',
    )
    genai_quotas_json: str | None = Field(
        default=None,
        description="What each deployment may be asked a minute by this worker, in requests and tokens, as a JSON "
        'object of patterns of its id or model: `{"openai:*": {"rpm": 500, "tpm": 200000}}`. Otherwise the pace is '
        "learned from refusals",
    )
    genai_timeout_seconds: float = Field(
        default=300, gt=0, le=3600, description="Time limit of one call of a model, to the last byte of its answer"
    )


class OpenAiSettings(_Variables):
    """OpenAI, and servers of its protocol."""

    openai_api_key: SecretStr | None = Field(default=None, description="Key of OpenAI")
    lc_openai_api_key: SecretStr | None = Field(default=None, description="The same, where OPENAI_API_KEY is unset")
    eval_openai_api_key: SecretStr | None = Field(default=None, description="The same, where neither is set")
    openai_base_url: Url = Field(
        default=routes.OPENAI,
        description="Where OpenAI or a server of its protocol answers, such as `http://vllm:8000/v1`; another than the "
        "default needs no key",
    )
    openai_org_id: str | None = Field(default=None, description="Organisation that pays, where a key has several")
    openai_project_id: str | None = Field(default=None, description="Project that pays, where a key has several")
    openai_custom_headers: SecretStr | None = Field(
        default=None, description="Further headers of each request, one `Name: value` a line"
    )
    openai_models: tuple[str, ...] = Field(
        default=("gpt-6-luna",),
        description="Models to use at OpenAI, and at its endpoint in the EU; those named first are preferred",
    )
    openai_eu_api_key: SecretStr | None = Field(
        default=None, description="Key of a project in the EU; its models serve the mode balanced alone"
    )
    openai_eu_base_url: Url = Field(default=routes.OPENAI_EU, description="Where OpenAI answers in the EU")


class AzureSettings(_Variables):
    """Azure OpenAI."""

    azure_openai_api_key: SecretStr | None = Field(
        default=None, description="Key of the resource, where a model has none of its own"
    )
    azure_openai_ad_token: SecretStr | None = Field(
        default=None, description="Token of Entra ID in place of a key; nothing renews it"
    )
    azure_openai_endpoint: Url | None = Field(
        default=None, description="Address of the resource, where a model has none of its own"
    )
    azure_openai_api_version: str | None = Field(
        default=None,
        validation_alias=AliasChoices("azure_openai_api_version", "openai_api_version"),
        description="Version of the API, where a model has none of its own; none at all means the address `/openai/v1`",
    )
    azure_openai_deployments: tuple[str, ...] = Field(
        default=(), description="Deployments to use beside those of the variables of single models"
    )


class AnthropicSettings(_Variables):
    """Anthropic."""

    anthropic_api_key: SecretStr | None = Field(default=None, description="Key of Anthropic")
    anthropic_auth_token: SecretStr | None = Field(
        default=None, description="Bearer token for a gateway, in place of a key"
    )
    anthropic_base_url: Url = Field(default=routes.ANTHROPIC, description="Where Anthropic or a gateway answers")
    anthropic_version: str = Field(
        default="2023-06-01",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Version of Anthropic's API; from 2026-10-21 on no temperature is sent",
    )
    anthropic_custom_headers: SecretStr | None = Field(
        default=None, description="Further headers of each request, one `Name: value` a line"
    )
    anthropic_models: tuple[str, ...] = Field(
        default=("claude-haiku-5-5", "claude-sonnet-5-5"), description="Models to use at Anthropic"
    )


class GeminiSettings(_Variables):
    """Gemini API."""

    google_gemini_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "google_gemini_api_key", "gemini_api_key", "google_genai_api_key", "google_api_key"
        ),
        description="Key of the Gemini API",
    )
    google_gemini_base_url: Url = Field(default=routes.GEMINI, description="Where the Gemini API or a gateway answers")
    google_gemini_models: tuple[str, ...] = Field(
        default=("gemini-3.8-flash", "gemini-3.5-flash-lite"), description="Models to use at the Gemini API"
    )


class VertexSettings(_Variables):
    """Google Vertex AI."""

    google_vertex_ai_enabled: bool = Field(default=False, description="Use Vertex AI")
    google_vertex_ai_project_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("google_vertex_ai_project_id", "google_cloud_project"),
        description="Project of Google Cloud",
    )
    google_vertex_ai_location: str | None = Field(
        default=None,
        validation_alias=AliasChoices("google_vertex_ai_location", "google_cloud_location", "cloud_ml_region"),
        description="Place of the models, such as `europe-west4`, `eu` or `global`",
    )
    google_vertex_ai_credentials_json: SecretStr | None = Field(
        default=None, description="Credentials as JSON: a service account's key, or a workload identity"
    )
    google_application_credentials: Path | None = Field(
        default=None,
        description="File with the same. Without any: what Google's libraries find, such as the metadata server",
    )
    google_vertex_ai_base_url: Url | None = Field(default=None, description="Another address than Google's own")
    google_vertex_ai_models: tuple[str, ...] = Field(
        default=(), description="Models to use at Vertex AI, by its names: `gemini-3.8-flash`, `claude-...@date`"
    )


class BedrockSettings(_Variables):
    """Amazon Bedrock."""

    aws_bedrock_enabled: bool = Field(default=False, description="Use Bedrock")
    aws_bedrock_region: str | None = Field(default=None, description="Region of Bedrock, where it is not AWS_REGION")
    aws_region: str | None = Field(default=None, description="Region; wins over AWS_DEFAULT_REGION")
    aws_bedrock_access_key_id: str | None = Field(
        default=None,
        description="Key id for Bedrock. Without it the chain of the AWS tools: AWS_ACCESS_KEY_ID, profile, web "
        "identity, instance role",
    )
    aws_bedrock_secret_access_key: SecretStr | None = Field(
        default=None, description="Secret of AWS_BEDROCK_ACCESS_KEY_ID"
    )
    aws_bearer_token_bedrock: SecretStr | None = Field(
        default=None, description="Key of Bedrock's own kind, in place of all others"
    )
    aws_bedrock_models: tuple[str, ...] = Field(
        default=(),
        description="Models, inference profiles or ARNs to use beside those of the variables of single models",
    )


class GenAiSettings(
    BedrockModelSettings,
    BedrockSettings,
    VertexSettings,
    GeminiSettings,
    AnthropicSettings,
    AzureModelSettings,
    AzureSettings,
    OpenAiSettings,
    GenAiCommonSettings,
):
    """Everything about providers."""

    @model_validator(mode="after")
    def _describe_deployments(self) -> Self:
        from llamaparse_worker.backends.genai.deployments import deployments  # noqa: PLC0415 - which needs this module

        deployments(self)
        return self
