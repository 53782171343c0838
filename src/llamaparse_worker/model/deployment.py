"""One model at one provider, as the settings describe it: what may be asked there, and where its data stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from llamaparse_worker.model.genai import Reasoning, Usage


class Provider(StrEnum):
    """Who runs a model; the names of ``LLM_PROVIDER_CONFIGS_JSON``."""

    OPENAI = "openai"
    """OpenAI itself, or whoever speaks its protocol: vLLM, Ollama, gateways."""
    AZURE = "azure"
    ANTHROPIC = "anthropic"
    VERTEXAI = "vertexai"
    BEDROCK = "bedrock"
    GEMINI = "gemini"


class Family(StrEnum):
    """Who made a model. Models of one family fail, refuse and write alike."""

    OPENAI = "openai"
    CLAUDE = "claude"
    GEMINI = "gemini"
    OTHER = "other"


class TokenField(StrEnum):
    """How a model of OpenAI's protocol wants the limit of output tokens to be called."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Profile:
    """What may be sent to a model. Nothing goes out that is not allowed here."""

    temperature: bool = False
    token_field: TokenField = TokenField.MAX_TOKENS
    reasoning: Mapping[Reasoning, str | int] = field(default_factory=lambda: MappingProxyType({}))
    """The provider's word, or number of tokens, for each of our levels; a level that is missing is not sent."""
    schema: bool = False
    """Whether answers can be held to a JSON Schema."""
    images: bool = False
    max_image_bytes: int = 3_500_000
    """The largest encoded image that is taken."""
    max_image_side: int = 1568
    """The longest side of an image in pixels that the model sees unreduced."""
    max_output_tokens: int | None = None
    """The most that may be asked for; None where that is unknown."""
    caches_system: bool = False
    """Whether the system prompt is marked for the provider's prompt cache."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in whatever currency the settings use."""

    input: float
    output: float
    cached: float | None = None
    """Of input tokens read from a cache; None: as others."""

    def of(self, usage: Usage) -> float:
        """Give the cost of a call."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.input_tokens - usage.cached_tokens
        return (fresh * self.input + usage.cached_tokens * cached + usage.output_tokens * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class MinuteQuota:
    """What a deployment may be asked in a minute, as the operator knows it; None where nobody has said so."""

    requests: int | None = None
    tokens: int | None = None
    """Those of questions and answers together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One model at one provider: the unit of throttling and fallback. Holds no secret."""

    id: str
    """Unique among the deployments of a worker; a label of metrics."""
    provider: Provider
    model_id: str
    """How the settings and aliases name the model, such as ``anthropic-sonnet-4.5``."""
    provider_model: str
    """How the provider names it."""
    family: Family
    profile: Profile
    priority: int = 100
    """Greater ones are used first."""
    in_eu: bool = False
    """Whether the data stay in the European Union: calls never fall from such a deployment to another."""
    text_only: bool = False
    """Whether only the mode balanced (``parse_page_with_llm``) may use it, as the published configuration says of
    OpenAI's endpoint in the EU."""
    tags: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    """Further names by which jobs and variables may call the model, such as ``claude sonnet``."""
    origin: str = ""
    """The variables that describe it, for whoever has to correct them."""
    price: Price | None = None
    quota: MinuteQuota = MinuteQuota()

    @property
    def names(self) -> frozenset[str]:
        """Every name by which a job or a variable may mean this deployment."""
        return self.aliases | {self.id, self.model_id, self.provider_model}

    def is_called(self, name: str) -> bool:
        """Whether a job or a variable that says ``name`` may mean this deployment."""
        return name in self.names
