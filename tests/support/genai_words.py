"""What providers say, in the native words of each protocol: answers, refusals and errors that aimock does not know.

Sources: the schemas in the makers' own clients, and for Bedrock the service model in botocore.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import botocore.session

from llamaparse_worker.backends.genai.client import ANSWER_BYTES

ANSWER = "Fine."


@dataclass(frozen=True, slots=True)
class Said:
    """A status, headers and a body, which may be a text that is no JSON; late, or slowly, where seconds are given."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)
    late_s: float = 0
    """Before its first byte."""
    drips_s: float = 0
    """From its first byte to its last."""

    @property
    def text(self) -> str:
        """The body as it is sent."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


def _openai(end: str, **message: object) -> Said:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER, **message}, "finish_reason": end}
    return Said(200, {"model": "m", "choices": [choice]})


def _anthropic(end: str, headers: Mapping[str, str] | None = None, **more: object) -> Said:
    body = {"model": "m", "content": [{"type": "text", "text": ANSWER}], "stop_reason": end, **more}
    return Said(200, body, headers or {})


def _gemini(end: str) -> Said:
    return Said(200, {"candidates": [{"content": {"parts": [{"text": ANSWER}]}, "finishReason": end}]})


def _bedrock(end: str) -> Said:
    message = {"role": "assistant", "content": [{"text": ANSWER}]}
    return Said(200, {"output": {"message": message}, "stopReason": end})


def _openai_error(status: int, code: str) -> Said:
    return Said(status, {"error": {"message": "Not now.", "type": code, "code": code}})


def _anthropic_error(status: int, kind: str, message: str = "Not now.") -> Said:
    return Said(status, {"type": "error", "error": {"type": kind, "message": message}})


def _google_error(status: int, word: str, message: str = "Not now.") -> Said:
    return Said(status, {"error": {"code": status, "status": word, "message": message}})


def _bedrock_error(status: int, kind: str, message: str = "Not now.") -> Said:
    return Said(status, {"message": message}, {"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/coral/"})


def _whatever_they_speak(answer: Said) -> Mapping[str, Said]:
    """Give the faults that all protocols have in common; the answer is a good one, if only it came in time and size."""
    return {
        "hang": replace(answer, late_s=8),
        "drip": replace(answer, drips_s=8),
        "too large": replace(answer, body=answer.text + " " * ANSWER_BYTES),
        "garbage": Said(200, "<html>"),
        "redirect": Said(302, "", {"location": "http://127.0.0.1:9/"}),
    }


_RETRY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
_QUOTAS = {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49"}
_SPENT = {"type": "rate_limit_error", "details": {"error_code": "contract_spend_limit_reached"}}
_BLOCKED = "Output blocked by content filtering policy"

_ANTHROPIC: Mapping[str, Said] = {
    **_whatever_they_speak(_anthropic("end_turn")),
    "ok": _anthropic("end_turn"),
    "priced": _anthropic("end_turn", _QUOTAS, usage={"input_tokens": 9, "output_tokens": 2}),
    "image": _anthropic("end_turn"),
    "truncated": _anthropic("max_tokens"),
    "refusal": _anthropic("refusal"),
    "filter": _anthropic_error(400, "invalid_request_error", _BLOCKED),
    "filtered question": _anthropic_error(400, "invalid_request_error", _BLOCKED),
    "400": _anthropic_error(400, "invalid_request_error"),
    "context": _anthropic_error(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
    "401": _anthropic_error(401, "authentication_error"),
    "429": _anthropic_error(429, "rate_limit_error"),
    "429 with pause": replace(_anthropic_error(429, "rate_limit_error"), headers={"retry-after": "7"}),
    "quota": Said(429, {"type": "error", "error": _SPENT}),
    "500": _anthropic_error(500, "api_error"),
    "503": _anthropic_error(503, "api_error"),
    "529": _anthropic_error(529, "overloaded_error"),
}

WORDS: Mapping[str, Mapping[str, Said]] = {
    "openai": {
        **_whatever_they_speak(_openai("stop")),
        "image": _openai("stop"),
        "refusal": _openai("stop", content=None, refusal="I can't."),
        "filtered question": _openai_error(400, "content_filter"),
        "429": _openai_error(429, "rate_limit_exceeded"),
        "quota": _openai_error(429, "insufficient_quota"),
    },
    "anthropic": _ANTHROPIC,
    "vertex claude": {
        **_ANTHROPIC,  # but Google's own words where Google refuses before Claude is asked
        "401": _google_error(401, "UNAUTHENTICATED"),
        "429": _google_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for online_prediction_requests_per_base_model"),
        "503": _google_error(503, "UNAVAILABLE"),
    },
    "gemini": {
        **_whatever_they_speak(_gemini("STOP")),
        "image": _gemini("STOP"),
        "refusal": Said(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        "filtered question": Said(200, {"promptFeedback": {"blockReason": "SAFETY"}}),
        "context": _google_error(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number"),
        "429 with pause": Said(
            429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": _RETRY}}
        ),
        "429": _google_error(429, "RESOURCE_EXHAUSTED"),
        "quota": _google_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: free_tier, limit: 0"),
    },
    "bedrock": {
        **_whatever_they_speak(_bedrock("end_turn")),
        "image": _bedrock("end_turn"),
        "filter": _bedrock("content_filtered"),
        "filtered question": _bedrock("guardrail_intervened"),
        "context": _bedrock_error(400, "ValidationException", "Input is too long for requested model."),
        "429": _bedrock_error(429, "ThrottlingException"),
        "quota": _bedrock_error(400, "ServiceQuotaExceededException"),
    },
}
"""By protocol: what is said in a cell of the matrix."""


def errors_of_bedrock() -> Mapping[str, Said]:
    """Give each error that botocore's service model knows of a call of a model, by its name, with its status."""
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    shapes = [shape for name in ("Converse", "InvokeModel") for shape in service.operation_model(name).error_shapes]
    return {shape.name: _bedrock_error(shape.metadata["error"]["httpStatusCode"], shape.name) for shape in shapes}
