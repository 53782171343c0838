"""Addresses of providers: where a model answers on each, and whether the data stay in the European Union. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlsplit

from llamaparse_worker.backends.genai.anthropic.codec import AnthropicCodec
from llamaparse_worker.backends.genai.bedrock.codec import BedrockCodec
from llamaparse_worker.backends.genai.codec import Codec
from llamaparse_worker.backends.genai.gemini.codec import GeminiCodec
from llamaparse_worker.backends.genai.openai.codec import OpenAiCodec
from llamaparse_worker.model.deployment import Profile

OPENAI = "https://api.openai.com/v1"
OPENAI_EU = "https://eu.api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
GEMINI = "https://generativelanguage.googleapis.com"
_OUTSIDE = frozenset(urlsplit(url).hostname for url in (OPENAI, ANTHROPIC, GEMINI))
_VERTEX_CLAUDE_VERSION = "vertex-2023-10-16"
_MULTI_REGIONS = frozenset({"us", "eu"})
_ELSEWHERE = ("us.", "us-gov.", "apac.", "au.", "jp.", "global.")
"""Beginnings of Bedrock's inference profiles that may answer outside of the region that is asked."""


class Route(Protocol):
    """A provider's address with everything that stands in it but the model."""

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give the protocol for a model, by the provider's name of it; ``headers`` are sent along."""
        ...

    def in_eu(self, model: str) -> bool | None:
        """Whether the data of calls stay in the European Union; None where the address does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class OpenAiRoute:
    """OpenAI, its endpoint in the EU, or a server of the same protocol."""

    base_url: str = OPENAI

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give chat completions."""
        return OpenAiCodec(f"{self.base_url.rstrip('/')}/chat/completions", model, profile, headers)

    def in_eu(self, model: str) -> bool | None:
        """Judge by the host."""
        del model
        return True if self.is_eu_endpoint else _known_outside(self.base_url)

    @property
    def is_eu_endpoint(self) -> bool:
        """Whether it is OpenAI's own endpoint there."""
        return urlsplit(self.base_url).hostname == urlsplit(OPENAI_EU).hostname


@dataclass(frozen=True, slots=True)
class AzureRoute:
    """A resource of Azure OpenAI; the model is one of its deployments."""

    endpoint: str
    api_version: str | None = None
    """None: the newer address without versions."""

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give chat completions."""
        base = f"{self.endpoint.partition('/openai')[0].rstrip('/')}/openai"
        url = f"{base}/v1/chat/completions"
        if self.api_version:
            version = quote(self.api_version, safe="")
            url = f"{base}/deployments/{quote(model, safe='')}/chat/completions?api-version={version}"
        return OpenAiCodec(url, model, profile, headers)

    def in_eu(self, model: str) -> bool | None:
        """Leave it open: a resource's name says nothing about its place."""
        del model
        return None


@dataclass(frozen=True, slots=True)
class AnthropicRoute:
    """Anthropic, or a gateway to it."""

    version: str
    base_url: str = ANTHROPIC

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give messages."""
        url = f"{self.base_url.rstrip('/').removesuffix('/v1')}/v1/messages"
        return AnthropicCodec(url, {"model": model}, profile, {"anthropic-version": self.version, **headers})

    def in_eu(self, model: str) -> bool | None:
        """Judge by the host."""
        del model
        return _known_outside(self.base_url)


@dataclass(frozen=True, slots=True)
class GeminiRoute:
    """The Gemini API, or a gateway to it."""

    base_url: str = GEMINI

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give generateContent."""
        base = self.base_url.rstrip("/").removesuffix("/v1beta")
        return GeminiCodec(f"{base}/v1beta/models/{quote(model, safe='')}:generateContent", profile, headers)

    def in_eu(self, model: str) -> bool | None:
        """Judge by the host."""
        del model
        return _known_outside(self.base_url)


@dataclass(frozen=True, slots=True)
class VertexRoute:
    """A project of Google Cloud in one place; Claude and Gemini have different protocols there."""

    project: str
    location: str
    base_url: str | None = None

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give messages for Claude, generateContent for all others."""
        name = quote(model, safe="@")
        if "claude" in model:
            identity = {"anthropic_version": _VERTEX_CLAUDE_VERSION}
            return AnthropicCodec(f"{self._base}/anthropic/models/{name}:rawPredict", identity, profile, headers)
        return GeminiCodec(f"{self._base}/google/models/{name}:generateContent", profile, headers)

    def in_eu(self, model: str) -> bool | None:
        """Judge by the location; ``global`` may be anywhere, and so may the two of Europe outside of the union."""
        del model
        outside = {"europe-west2", "europe-west6"}  # London, Zürich
        return self.location == "eu" or (self.location.startswith("europe-") and self.location not in outside)

    @property
    def _base(self) -> str:
        place = f"projects/{quote(self.project, safe=':')}/locations/{quote(self.location, safe='')}"
        return f"{(self.base_url or self._host).rstrip('/').removesuffix('/v1')}/v1/{place}/publishers"

    @property
    def _host(self) -> str:
        if self.location == "global":
            return "https://aiplatform.googleapis.com"
        if self.location in _MULTI_REGIONS:
            return f"https://aiplatform.{self.location}.rep.googleapis.com"
        return f"https://{self.location}-aiplatform.googleapis.com"


@dataclass(frozen=True, slots=True)
class BedrockRoute:
    """Bedrock in one region."""

    region: str
    base_url: str | None = None

    def codec(self, model: str, profile: Profile, headers: Mapping[str, str]) -> Codec:
        """Give Converse; a model may be an ARN, whose slashes belong to its name."""
        base = (self.base_url or f"https://bedrock-runtime.{self.region}.amazonaws.com").rstrip("/")
        return BedrockCodec(f"{base}/model/{quote(model, safe='')}/converse", profile, headers)

    def in_eu(self, model: str) -> bool | None:
        """Judge by the region and by where the inference profile may send a call."""
        outside = {"eu-west-2", "eu-central-2"}  # London, Zürich
        name = model.rpartition("/")[2]
        return self.region.startswith("eu-") and self.region not in outside and not name.startswith(_ELSEWHERE)


def _known_outside(base_url: str) -> bool | None:
    return False if urlsplit(base_url).hostname in _OUTSIDE else None
