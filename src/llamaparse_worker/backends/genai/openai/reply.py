"""What a reply of chat completions means."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from llamaparse_worker.backends.genai.codec import HttpReply
from llamaparse_worker.backends.genai.failures import failure, kind_of_status, mentions, senseless
from llamaparse_worker.backends.genai.pauses import rate_limits
from llamaparse_worker.model.genai import EndReason, Failure, FailureKind, GenAiAnswer, Usage

_ENDS = {"stop": EndReason.COMPLETE, "length": EndReason.LENGTH, "content_filter": EndReason.FILTERED}
_REQUEST_IDS = ("x-request-id", "apim-request-id")


class _InputDetails(BaseModel):
    cached_tokens: int | None = None


class _OutputDetails(BaseModel):
    reasoning_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None

    def value(self) -> Usage:
        read, written = self.prompt_tokens_details, self.completion_tokens_details
        return Usage(
            input_tokens=self.prompt_tokens,
            cached_tokens=(read and read.cached_tokens) or 0,
            output_tokens=self.completion_tokens,
            reasoning_tokens=(written and written.reasoning_tokens) or 0,
        )


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Answer(BaseModel):
    choices: tuple[_Choice, ...]
    model: str = ""
    usage: _Usage | None = None


class _Error(BaseModel):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Refusal(BaseModel):
    error: _Error | str


def answer(reply: HttpReply) -> GenAiAnswer | Failure:
    """Read a reply with status 200."""
    request_id = _request_id(reply.headers)
    try:
        found = _Answer.model_validate_json(reply.body)
    except ValidationError as error:
        return senseless(reply, f"{error.error_count()} errors, such as {error.errors()[0]['msg']}", request_id)
    if not found.choices:
        return senseless(reply, "no choices", request_id)
    choice = found.choices[0]
    refused = choice.message.refusal or ""
    return GenAiAnswer(
        text=choice.message.content or "",
        end=EndReason.REFUSED if refused else _ENDS.get(choice.finish_reason or "", EndReason.OTHER),
        usage=found.usage.value() if found.usage else Usage(),
        model=found.model,
        request_id=request_id,
        limits=rate_limits(reply.headers),
        detail=refused or choice.finish_reason or "",
    )


def refusal(reply: HttpReply) -> Failure:
    """Read a reply with any other status."""
    error = _error(reply.body)
    code, message = str(error.code or error.type or ""), error.message or ""
    kind = _kind(reply.status, {code, error.type or ""}, message)
    return failure(reply, kind, message, code=code, request_id=_request_id(reply.headers))


def _kind(status: int, codes: set[str], message: str) -> FailureKind:
    kind = kind_of_status(status)
    if "insufficient_quota" in codes or "billing_hard_limit_reached" in codes:
        return FailureKind.QUOTA_EXHAUSTED
    if kind is not FailureKind.BAD_REQUEST:
        return kind
    if "context_length_exceeded" in codes or mentions(message, "maximum context length", "context window"):
        return FailureKind.CONTEXT
    if codes & {"content_filter", "content_policy_violation"}:
        return FailureKind.FILTER
    return FailureKind.CONFIG if codes & {"model_not_found", "invalid_api_key"} else kind


def _error(body: bytes) -> _Error:
    """Give the error; servers of others put a text in its place, or its parts where it should be."""
    for read in (_Refusal, _Error):
        try:
            found = read.model_validate_json(body)
        except ValidationError:
            continue
        inner = found.error if isinstance(found, _Refusal) else found
        return inner if isinstance(inner, _Error) else _Error(message=inner)
    return _Error()


def _request_id(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in _REQUEST_IDS if name in headers), "")
