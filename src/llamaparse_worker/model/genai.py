"""One call of a model: what is asked, what comes back, and how it fails.

The words are those of no provider. A codec beside each provider translates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a prompt that is text."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A part of a prompt that is an encoded image; every provider takes JPEG, PNG, GIF and WebP."""

    content: bytes = field(repr=False)
    media_type: str
    """Such as ``image/jpeg``."""


Part = Text | Image


class Reasoning(StrEnum):
    """How much a model may think before it answers, which costs output tokens."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """The JSON Schema that a short verdict must follow; page text never comes as JSON."""

    name: str
    """Letters, digits, ``_`` and ``-``: some providers show it to the model."""
    schema: Mapping[str, object]
    """An object schema with ``additionalProperties: false`` and all properties required, as strict modes ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenAiRequest:
    """What a model is asked. What its capability profile does not allow is left out when it is sent."""

    system: str
    parts: tuple[Part, ...]
    """Images come before the text that speaks of them."""
    max_output_tokens: int
    temperature: float | None = None
    """None: what the provider takes by itself."""
    reasoning: Reasoning = Reasoning.NONE
    schema: AnswerSchema | None = None


class EndReason(StrEnum):
    """Why an answer ended where it does."""

    COMPLETE = "complete"
    LENGTH = "length"
    """The limit of output tokens was reached: the text is cut off."""
    FILTERED = "filtered"
    """A filter of the provider stopped the answer or refused the question; the text may be empty."""
    REFUSED = "refused"
    """The model itself declined."""
    OTHER = "other"
    """Anything that no question of ours can lead to; the text is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as billed."""

    input_tokens: int = 0
    """All of the question, whether it was read from a cache, written to one, or neither."""
    cached_tokens: int = 0
    """The part of ``input_tokens`` that was read from a cache."""
    output_tokens: int = 0
    """All that the model wrote, its reasoning included."""
    reasoning_tokens: int = 0
    """The part of ``output_tokens`` that is not in the answer; 0 where the provider does not tell."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of the provider at the time of an answer; what it does not tell is None."""

    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None
    """Seconds until it is whole again."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The quotas that came with an answer or a failure; None where the provider tells nothing about one."""

    requests: Quota | None = None
    tokens: Quota | None = None
    input_tokens: Quota | None = None
    output_tokens: Quota | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenAiAnswer:
    """What a model answered."""

    text: str
    end: EndReason
    usage: Usage
    model: str
    """The model that says to have answered; empty where the provider does not tell."""
    request_id: str
    """What the provider's support asks for; empty where there is none."""
    limits: RateLimits = RateLimits()
    detail: str = ""
    """The provider's own word for the end, and for what was filtered or refused."""


class FailureKind(StrEnum):
    """What a failed call means for the next one."""

    RATE_LIMIT = "rate_limit"
    """Too much at once: slow down, and ask again after the pause that the provider names."""
    QUOTA_EXHAUSTED = "quota_exhausted"
    """Nothing left for a long time, such as a day or until somebody pays: use another deployment."""
    OVERLOADED = "overloaded"
    """The provider has no room for now, whoever asks."""
    SERVER = "server"
    """It broke, was out of reach, gave no answer in time, or one that makes no sense: once again, then elsewhere."""
    CONTEXT = "context"
    """The question, or question and answer, do not fit the model: never the same again."""
    FILTER = "filter"
    """A filter refused the question: another family of models may take it."""
    CONFIG = "config"
    """Key, right, model or address are wrong: nothing helps but another setting."""
    BAD_REQUEST = "bad_request"
    """The provider finds the question malformed, perhaps for an optional part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a call brought no answer."""

    kind: FailureKind
    message: str
    """The provider's own words, shortened and without the key; some providers quote the question there."""
    status: int | None = None
    """Of HTTP; None where there was no answer at all."""
    code: str = ""
    """The provider's name for it."""
    retry_after_s: float | None = None
    """The pause that the provider asks for."""
    request_id: str = ""
    limits: RateLimits = RateLimits()


class CallFailed(Exception):
    """A call of a model brought no answer; whoever made it decides what that means for the page."""

    def __init__(self, deployment_id: str, failure: Failure) -> None:
        status = "" if failure.status is None else f" ({failure.status})"
        super().__init__(f"{deployment_id}: {failure.kind}{status}: {failure.message}")
        self.deployment_id = deployment_id
        self.failure = failure
