"""What a reply of generateContent means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from llamaparse_worker.backends.genai.codec import HttpReply
from llamaparse_worker.backends.genai.failures import failure, kind_of_status, mentions, senseless
from llamaparse_worker.backends.genai.pauses import duration_s, rate_limits
from llamaparse_worker.model.genai import EndReason, Failure, FailureKind, GenAiAnswer, Usage

_ENDS = {"STOP": EndReason.COMPLETE, "MAX_TOKENS": EndReason.LENGTH} | dict.fromkeys(
    ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"), EndReason.FILTERED
)
_PAUSE = re.compile(r"retry in (\d+(?:\.\d+)?(?:ms|s))")
_ZERO = re.compile(r"\blimit: 0\b")
_WRONG_SETTINGS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "SERVICE_DISABLED"})


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Usage(_Camel):
    prompt_token_count: int = 0
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None

    def value(self) -> Usage:
        thoughts = self.thoughts_token_count or 0
        return Usage(
            input_tokens=self.prompt_token_count,
            cached_tokens=self.cached_content_token_count or 0,
            output_tokens=(self.candidates_token_count or 0) + thoughts,
            reasoning_tokens=thoughts,
        )


class _Part(_Camel):
    text: str = ""
    thought: bool = False


class _Content(_Camel):
    parts: tuple[_Part, ...] = ()


class _Candidate(_Camel):
    content: _Content = _Content()
    finish_reason: str = ""
    finish_message: str = ""


class _Feedback(_Camel):
    block_reason: str = ""


class _Answer(_Camel):
    candidates: tuple[_Candidate, ...] = ()
    prompt_feedback: _Feedback = _Feedback()
    usage_metadata: _Usage = _Usage()
    model_version: str = ""
    response_id: str = ""


class _Violation(_Camel):
    quota_id: str = ""
    quota_value: str = ""


class _Detail(_Camel):
    kind: str = Field(default="", alias="@type")
    reason: str = ""
    retry_delay: str = ""
    violations: tuple[_Violation, ...] = ()


class _Error(_Camel):
    message: str = ""
    status: str = ""
    details: tuple[_Detail, ...] = ()


class _Refusal(_Camel):
    error: _Error


_REFUSAL = TypeAdapter[_Refusal | tuple[_Refusal, ...]](_Refusal | tuple[_Refusal, ...])
"""Vertex AI puts a list around it now and then."""


def answer(reply: HttpReply) -> GenAiAnswer | Failure:
    """Read a reply with status 200."""
    try:
        found = _Answer.model_validate_json(reply.body)
    except ValidationError as error:
        return senseless(reply, f"{error.error_count()} errors, such as {error.errors()[0]['msg']}")
    blocked = found.prompt_feedback.block_reason
    if not found.candidates and not blocked:
        return senseless(reply, "no candidates", found.response_id)
    candidate = found.candidates[0] if found.candidates else _Candidate()
    return GenAiAnswer(
        text="".join(part.text for part in candidate.content.parts if not part.thought),
        end=EndReason.FILTERED if blocked else _ENDS.get(candidate.finish_reason, EndReason.OTHER),
        usage=found.usage_metadata.value(),
        model=found.model_version,
        request_id=found.response_id,
        limits=rate_limits(reply.headers),
        detail=": ".join(filter(None, (blocked or candidate.finish_reason, candidate.finish_message))),
    )


def refusal(reply: HttpReply) -> Failure:
    """Read a reply with any other status."""
    try:
        found = _REFUSAL.validate_json(reply.body)
    except ValidationError:
        found = ()
    found = found if isinstance(found, tuple) else (found,)
    error = found[0].error if found else _Error()
    return failure(
        reply,
        _kind(reply.status, error),
        error.message,
        code=next((detail.reason for detail in error.details if detail.reason), error.status),
        retry_s=_pause_s(error),
    )


def _kind(status: int, error: _Error) -> FailureKind:
    if {detail.reason for detail in error.details} & _WRONG_SETTINGS or error.status == "FAILED_PRECONDITION":
        return FailureKind.CONFIG  # status 400: the key is wrong, the country is not served, or nobody pays
    kind = kind_of_status(status)
    if kind is FailureKind.RATE_LIMIT and _is_exhausted(error):
        return FailureKind.QUOTA_EXHAUSTED
    if kind is FailureKind.BAD_REQUEST and mentions(error.message, "input token count", "exceeds the maximum number"):
        return FailureKind.CONTEXT
    return kind


def _is_exhausted(error: _Error) -> bool:
    """Whether the quota is one of a day, or none at all, which no short pause renews."""
    violations: Iterable[_Violation] = (one for detail in error.details for one in detail.violations)
    return bool(_ZERO.search(error.message)) or any(
        "PerDay" in one.quota_id or one.quota_value == "0" for one in violations
    )


def _pause_s(error: _Error) -> float | None:
    delays = (duration_s(detail.retry_delay) for detail in error.details if detail.retry_delay)
    told = next((delay for delay in delays if delay is not None), None)
    if told is None and (match := _PAUSE.search(error.message)):
        return duration_s(match[1])
    return told
