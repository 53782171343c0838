"""What a reply of messages means."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from llamaparse_worker.backends.genai.codec import HttpReply
from llamaparse_worker.backends.genai.failures import failure, kind_of_status, mentions, senseless
from llamaparse_worker.backends.genai.pauses import rate_limits
from llamaparse_worker.model.genai import EndReason, Failure, FailureKind, GenAiAnswer, Usage

_ENDS = {
    "end_turn": EndReason.COMPLETE,
    "stop_sequence": EndReason.COMPLETE,
    "max_tokens": EndReason.LENGTH,
    "refusal": EndReason.REFUSED,
}
WINDOW_EXCEEDED = "model_context_window_exceeded"
"""The end of an answer that did not fit beside its question."""


class _OutputDetails(BaseModel):
    thinking_tokens: int | None = None


class _Usage(BaseModel):
    input_tokens: int = 0
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int = 0
    output_tokens_details: _OutputDetails | None = None

    def value(self) -> Usage:
        written, read = self.cache_creation_input_tokens or 0, self.cache_read_input_tokens or 0
        details = self.output_tokens_details
        return Usage(
            input_tokens=self.input_tokens + written + read,
            cached_tokens=read,
            output_tokens=self.output_tokens,
            reasoning_tokens=(details and details.thinking_tokens) or 0,
        )


class _Block(BaseModel):
    type: str
    text: str = ""


class _StopDetails(BaseModel):
    category: str | None = None


class _Answer(BaseModel):
    content: tuple[_Block, ...]
    model: str = ""
    stop_reason: str | None = None
    stop_details: _StopDetails | None = None
    usage: _Usage = _Usage()


class _Details(BaseModel):
    error_code: str | None = None


class _Error(BaseModel):
    type: str = ""
    message: str | None = None
    status: str | None = None
    """Of Google's own errors, which Claude on Vertex AI gives too."""
    details: _Details | list[object] | None = None


class _Refusal(BaseModel):
    error: _Error
    request_id: str | None = None


def answer(reply: HttpReply) -> GenAiAnswer | Failure:
    """Read a reply with status 200."""
    request_id = reply.headers.get("request-id", "")
    try:
        found = _Answer.model_validate_json(reply.body)
    except ValidationError as error:
        return senseless(reply, f"{error.error_count()} errors, such as {error.errors()[0]['msg']}", request_id)
    if found.stop_reason == WINDOW_EXCEEDED:
        message = "question and answer do not fit the context window"
        return failure(reply, FailureKind.CONTEXT, message, code=WINDOW_EXCEEDED, request_id=request_id)
    category = found.stop_details.category if found.stop_details else None
    return GenAiAnswer(
        text="".join(block.text for block in found.content if block.type == "text"),
        end=_ENDS.get(found.stop_reason or "", EndReason.OTHER),
        usage=found.usage.value(),
        model=found.model,
        request_id=request_id,
        limits=rate_limits(reply.headers),
        detail=": ".join(filter(None, (found.stop_reason, category))),
    )


def refusal(reply: HttpReply) -> Failure:
    """Read a reply with any other status."""
    try:
        found = _Refusal.model_validate_json(reply.body)
    except ValidationError:
        found = _Refusal(error=_Error())
    error = found.error
    detail = error.details.error_code if isinstance(error.details, _Details) else None
    code, message = detail or error.type or error.status or "", error.message or ""
    request_id = reply.headers.get("request-id") or found.request_id or ""
    return failure(reply, _kind(reply.status, error.type, code, message), message, code=code, request_id=request_id)


def _kind(status: int, kind_word: str, code: str, message: str) -> FailureKind:
    if code.endswith("_spend_limit_reached") or code == "ramp_limit_exceeded":
        return FailureKind.QUOTA_EXHAUSTED
    if mentions(message, "credit balance is too low"):
        return FailureKind.QUOTA_EXHAUSTED
    if kind_word == "overloaded_error":
        return FailureKind.OVERLOADED
    kind = kind_of_status(status)
    if kind is not FailureKind.BAD_REQUEST:
        return kind
    if mentions(message, "prompt is too long", "context limit", "context window"):
        return FailureKind.CONTEXT
    return FailureKind.FILTER if mentions(message, "content filtering policy") else kind
