"""Variables with the name of a model in their middle, for the models that the original deployment knows.

Others need none: AZURE_OPENAI_DEPLOYMENTS, AWS_BEDROCK_MODELS and LLM_PROVIDER_CONFIGS_JSON take any name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, create_model

_AZURE_MODELS = {
    "gpt_4o": "openai-gpt-4o",
    "gpt_4o_mini": "openai-gpt-4o-mini",
    "gpt_4_1": "openai-gpt-4-1",
    "gpt_4_1_mini": "openai-gpt-4-1-mini",
    "gpt_4_1_nano": "openai-gpt-4-1-nano",
    "gpt_5": "openai-gpt-5",
    "gpt_5_mini": "openai-gpt-5-mini",
    "gpt_5_nano": "openai-gpt-5-nano",
}
_BEDROCK_MODELS = {
    "sonnet_3_5": "anthropic-sonnet-3.5",
    "sonnet_3_7": "anthropic-sonnet-3.7",
    "sonnet_4_0": "anthropic-sonnet-4.0",
    "sonnet_4_5": "anthropic-sonnet-4.5",
    "haiku_3_5": "anthropic-haiku-3.5",
    "haiku_4_5": "anthropic-haiku-4.5",
}


@dataclass(frozen=True, slots=True)
class AzureModel:
    """What the variables of one model say; what is not set is None."""

    variable: str
    """The beginning of their names."""
    model_id: str
    api_key: str | None = field(repr=False)
    base_url: str | None
    deployment_name: str | None
    api_version: str | None


def azure_models(settings: BaseModel) -> Iterator[AzureModel]:
    """Give the models of Azure of which any variable is set."""
    for name, model_id in _AZURE_MODELS.items():
        prefix = f"azure_openai_{name}"
        key, *others = (getattr(settings, f"{prefix}_{part}") for part in _AZURE_PARTS)
        if key is not None or any(other is not None for other in others):
            yield AzureModel(prefix.upper(), model_id, key and key.get_secret_value(), *others)


def bedrock_models(settings: BaseModel) -> Iterator[tuple[str, str]]:
    """Give id and Bedrock's name of the models that have a variable set."""
    for name, model_id in _BEDROCK_MODELS.items():
        version: str | None = getattr(settings, f"aws_bedrock_{name}_model_version_name")
        if version is not None:
            yield model_id, version


_AZURE_PARTS = {
    "api_key": (SecretStr, "Key for {model}"),
    "base_url": (str, "Address of the resource that has {model}"),
    "deployment_name": (str, "Deployment of {model}; unset: it is called like the model"),
    "api_version": (str, "Version of the API for {model}"),
}


def _azure_fields() -> Iterator[tuple[str, Any]]:
    for name, model_id in _AZURE_MODELS.items():
        for part, (kind, text) in _AZURE_PARTS.items():
            description = text.format(model=model_id.removeprefix("openai-"))
            pattern = r"^https?://\S+$" if part == "base_url" else None
            field_ = Field(default=None, description=description, pattern=pattern)
            yield f"azure_openai_{name}_{part}", (kind | None, field_)


def _bedrock_fields() -> Iterator[tuple[str, Any]]:
    for name, model_id in _BEDROCK_MODELS.items():
        own = f"aws_bedrock_{name}_model_version_name"
        others = (f"bedrock_anthropic_{name}_version_name", f"bedrock_anthropic_{name}_model_id")
        model = model_id.removeprefix("anthropic-")
        field_ = Field(
            default=None,
            validation_alias=AliasChoices(own, *others),
            description=f"Bedrock's name of {model}: a model, an inference profile or an ARN",
        )
        yield own, (str | None, field_)


def _model(name: str, title: str, fields: Iterator[tuple[str, Any]]) -> type[BaseModel]:
    return create_model(name, __config__=ConfigDict(frozen=True), __doc__=title, **dict(fields))


if TYPE_CHECKING:  # a type checker knows no class that is made while running

    class AzureModelSettings(BaseModel):
        """Models at Azure OpenAI."""

    class BedrockModelSettings(BaseModel):
        """Models at Amazon Bedrock."""

else:
    AzureModelSettings = _model("AzureModelSettings", "Models at Azure OpenAI.", _azure_fields())
    BedrockModelSettings = _model("BedrockModelSettings", "Models at Amazon Bedrock.", _bedrock_fields())
