"""What a reply of Converse means."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from llamaparse_worker.backends.genai.codec import HttpReply
from llamaparse_worker.backends.genai.failures import failure, kind_of_status, mentions, senseless
from llamaparse_worker.backends.genai.pauses import rate_limits
from llamaparse_worker.model.genai import EndReason, Failure, FailureKind, GenAiAnswer, Usage

_ENDS = {
    "end_turn": EndReason.COMPLETE,
    "stop_sequence": EndReason.COMPLETE,
    "max_tokens": EndReason.LENGTH,
    "content_filtered": EndReason.FILTERED,
    "guardrail_intervened": EndReason.FILTERED,
    "refusal": EndReason.REFUSED,
}
_WINDOW_EXCEEDED = "model_context_window_exceeded"
_KINDS = {
    "ThrottlingException": FailureKind.RATE_LIMIT,
    "TooManyRequestsException": FailureKind.RATE_LIMIT,
    "ServiceQuotaExceededException": FailureKind.QUOTA_EXHAUSTED,
    "ServiceUnavailableException": FailureKind.OVERLOADED,
    "ModelNotReadyException": FailureKind.OVERLOADED,  # status 429, although nobody asked too often
    "InternalServerException": FailureKind.SERVER,
    "ModelErrorException": FailureKind.SERVER,
    "ModelTimeoutException": FailureKind.SERVER,
    "ExpiredTokenException": FailureKind.CONFIG,  # status 400 or 403
    "AccessDeniedException": FailureKind.CONFIG,
    "ResourceNotFoundException": FailureKind.CONFIG,
}
"""Where the name says more than the status, or gateways change the status."""


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Usage(_Camel):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None

    def value(self) -> Usage:
        read, written = self.cache_read_input_tokens or 0, self.cache_write_input_tokens or 0
        return Usage(
            input_tokens=self.input_tokens + read + written, cached_tokens=read, output_tokens=self.output_tokens
        )


class _Block(_Camel):
    text: str = ""


class _Message(_Camel):
    content: tuple[_Block, ...]


class _Output(_Camel):
    message: _Message


class _Answer(_Camel):
    output: _Output
    stop_reason: str
    usage: _Usage = _Usage()


class _Error(BaseModel):
    message: str = Field(default="", validation_alias=AliasChoices("message", "Message"))
    type: str = Field(default="", validation_alias="__type")


def answer(reply: HttpReply) -> GenAiAnswer | Failure:
    """Read a reply with status 200."""
    request_id = reply.headers.get("x-amzn-requestid", "")
    try:
        found = _Answer.model_validate_json(reply.body)
    except ValidationError as error:
        return senseless(reply, f"{error.error_count()} errors, such as {error.errors()[0]['msg']}", request_id)
    if found.stop_reason == _WINDOW_EXCEEDED:
        message = "question and answer do not fit the context window"
        return failure(reply, FailureKind.CONTEXT, message, code=_WINDOW_EXCEEDED, request_id=request_id)
    return GenAiAnswer(
        text="".join(block.text for block in found.output.message.content),
        end=_ENDS.get(found.stop_reason, EndReason.OTHER),
        usage=found.usage.value(),
        model="",
        request_id=request_id,
        limits=rate_limits(reply.headers),
        detail=found.stop_reason,
    )


def refusal(reply: HttpReply) -> Failure:
    """Read a reply with any other status."""
    try:
        error = _Error.model_validate_json(reply.body)
    except ValidationError:
        error = _Error()
    named = reply.headers.get("x-amzn-errortype") or error.type
    code = named.partition(":")[0].rpartition("#")[2]
    request_id = reply.headers.get("x-amzn-requestid", "")
    return failure(reply, _kind(reply.status, code, error.message), error.message, code=code, request_id=request_id)


def _kind(status: int, code: str, message: str) -> FailureKind:
    kind = _KINDS.get(code, kind_of_status(status))
    if kind is not FailureKind.BAD_REQUEST:
        return kind
    if mentions(message, "too long", "context window", "maximum tokens"):
        return FailureKind.CONTEXT
    if mentions(message, "model identifier is invalid", "on-demand throughput"):
        return FailureKind.CONFIG
    return FailureKind.FILTER if mentions(message, "content filter") else kind
