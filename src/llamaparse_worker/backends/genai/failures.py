"""From a reply that is no answer to a failure: what all protocols have in common. Pure."""

from __future__ import annotations

from http import HTTPStatus

from llamaparse_worker.backends.genai.codec import HttpReply
from llamaparse_worker.backends.genai.pauses import rate_limits, retry_after_s
from llamaparse_worker.model.genai import Failure, FailureKind

_MESSAGE_LENGTH = 300
_KINDS: dict[int, FailureKind] = {
    HTTPStatus.UNAUTHORIZED: FailureKind.CONFIG,
    HTTPStatus.PAYMENT_REQUIRED: FailureKind.CONFIG,
    HTTPStatus.FORBIDDEN: FailureKind.CONFIG,
    HTTPStatus.NOT_FOUND: FailureKind.CONFIG,
    HTTPStatus.METHOD_NOT_ALLOWED: FailureKind.CONFIG,
    HTTPStatus.REQUEST_TIMEOUT: FailureKind.SERVER,
    HTTPStatus.CONFLICT: FailureKind.SERVER,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: FailureKind.CONTEXT,
    HTTPStatus.FAILED_DEPENDENCY: FailureKind.SERVER,  # Bedrock: the model broke
    HTTPStatus.TOO_MANY_REQUESTS: FailureKind.RATE_LIMIT,
    HTTPStatus.SERVICE_UNAVAILABLE: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,  # Anthropic: "overloaded"
}


def kind_of_status(status: int) -> FailureKind:
    """Give what a status means by itself; a redirect is one that nobody follows: the address is wrong."""
    if status in _KINDS:
        return _KINDS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FailureKind.SERVER
    return FailureKind.BAD_REQUEST if status >= HTTPStatus.BAD_REQUEST else FailureKind.CONFIG


def failure(
    reply: HttpReply,
    kind: FailureKind,
    message: str,
    *,
    code: str = "",
    retry_s: float | None = None,
    request_id: str = "",
) -> Failure:
    """Make a failure of a reply; ``retry_s`` is a pause that its body asks for, where its headers ask for none."""
    pause_s = retry_after_s(reply.headers)
    return Failure(
        kind=kind,
        message=shortened(message) or f"HTTP {reply.status}",
        status=reply.status,
        code=code,
        retry_after_s=retry_s if pause_s is None else pause_s,
        request_id=request_id,
        limits=rate_limits(reply.headers),
    )


def senseless(reply: HttpReply, what: str, request_id: str = "") -> Failure:
    """Make a failure of a reply that should be an answer, but is none."""
    return failure(reply, FailureKind.SERVER, f"an answer that makes no sense: {what}", request_id=request_id)


def shortened(text: str) -> str:
    """Give a message in one line of bounded length."""
    return " ".join(text.split())[:_MESSAGE_LENGTH]


def mentions(text: str, *phrases: str) -> bool:
    """Whether a message has one of the phrases, in whatever case."""
    lower = text.lower()
    return any(phrase in lower for phrase in phrases)
