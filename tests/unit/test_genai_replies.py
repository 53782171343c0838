from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from llamaparse_worker.backends.genai.anthropic import reply as anthropic
from llamaparse_worker.backends.genai.bedrock import reply as bedrock
from llamaparse_worker.backends.genai.codec import HttpReply
from llamaparse_worker.backends.genai.gemini import reply as gemini
from llamaparse_worker.backends.genai.openai import reply as openai
from llamaparse_worker.model.genai import EndReason, Failure, FailureKind, GenAiAnswer, Usage

Answered = Callable[[HttpReply], GenAiAnswer | Failure]
Refused = Callable[[HttpReply], Failure]

ANSWERS: dict[str, Answered] = {
    "openai": openai.answer,
    "anthropic": anthropic.answer,
    "gemini": gemini.answer,
    "bedrock": bedrock.answer,
}
REFUSALS: dict[str, Refused] = {
    "openai": openai.refusal,
    "anthropic": anthropic.refusal,
    "gemini": gemini.refusal,
    "bedrock": bedrock.refusal,
}


def reply(body: object, status: int = 200, /, **headers: str) -> HttpReply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def of_openai(end: str | None = "stop", **message: object) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "model": "gpt-x-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Text", **message}, "finish_reason": end}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 60},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    }


def of_anthropic(end: str | None = "end_turn", **more: object) -> dict[str, Any]:
    return {
        "type": "message",
        "model": "claude-x",
        "content": [{"type": "thinking", "thinking": "hm", "text": "no"}, {"type": "text", "text": "Text"}],
        "stop_reason": end,
        "usage": {
            "input_tokens": 30,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 60,
            "output_tokens": 20,
            "output_tokens_details": {"thinking_tokens": 5},
        },
        **more,
    }


def of_gemini(end: str = "STOP", **more: object) -> dict[str, Any]:
    parts = [{"text": "hm", "thought": True}, {"text": "Te"}, {"text": "xt"}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": end}],
        "modelVersion": "gemini-x-001",
        "responseId": "r",
        "usageMetadata": {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "candidatesTokenCount": 15,
            "thoughtsTokenCount": 5,
        },
        **more,
    }


def of_bedrock(end: str = "end_turn") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"reasoningContent": {}}, {"text": "Text"}]}},
        "stopReason": end,
        "usage": {
            "inputTokens": 30,
            "outputTokens": 20,
            "totalTokens": 120,
            "cacheReadInputTokens": 60,
            "cacheWriteInputTokens": 10,
        },
    }


MAKERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "openai": of_openai,
    "anthropic": of_anthropic,
    "gemini": of_gemini,
    "bedrock": of_bedrock,
}


def answered(provider: str, body: object, **headers: str) -> GenAiAnswer:
    found = ANSWERS[provider](reply(body, **headers))
    assert isinstance(found, GenAiAnswer), found
    return found


ENDS = [
    ("openai", "stop", EndReason.COMPLETE),
    ("openai", "length", EndReason.LENGTH),
    ("openai", "content_filter", EndReason.FILTERED),
    ("openai", "tool_calls", EndReason.OTHER),
    ("openai", None, EndReason.OTHER),
    ("anthropic", "end_turn", EndReason.COMPLETE),
    ("anthropic", "stop_sequence", EndReason.COMPLETE),
    ("anthropic", "max_tokens", EndReason.LENGTH),
    ("anthropic", "refusal", EndReason.REFUSED),
    ("anthropic", "tool_use", EndReason.OTHER),
    ("anthropic", "pause_turn", EndReason.OTHER),
    ("anthropic", None, EndReason.OTHER),
    ("gemini", "STOP", EndReason.COMPLETE),
    ("gemini", "MAX_TOKENS", EndReason.LENGTH),
    *(
        ("gemini", end, EndReason.FILTERED)
        for end in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR")
    ),
    ("gemini", "MALFORMED_RESPONSE", EndReason.OTHER),
    ("gemini", "LANGUAGE", EndReason.OTHER),
    ("bedrock", "end_turn", EndReason.COMPLETE),
    ("bedrock", "stop_sequence", EndReason.COMPLETE),
    ("bedrock", "max_tokens", EndReason.LENGTH),
    ("bedrock", "content_filtered", EndReason.FILTERED),
    ("bedrock", "guardrail_intervened", EndReason.FILTERED),
    ("bedrock", "malformed_model_output", EndReason.OTHER),
    ("bedrock", "tool_use", EndReason.OTHER),
]


@pytest.mark.parametrize(("provider", "end", "meaning"), ENDS)
def test_every_end_of_every_provider_has_its_meaning(provider: str, end: str, meaning: EndReason) -> None:
    found = answered(provider, MAKERS[provider](end))

    assert (found.text, found.end, found.detail) == ("Text", meaning, end or "")


@pytest.mark.parametrize("provider", MAKERS)
def test_usage_counts_all_of_the_question_and_all_that_was_written(provider: str) -> None:
    found = answered(provider, MAKERS[provider]("x"))
    reasoning = 0 if provider == "bedrock" else 5

    assert found.usage == Usage(100, 60, 20, reasoning)


@pytest.mark.parametrize(
    ("provider", "headers", "model", "request_id"),
    [
        ("openai", {"x_request_id": "a"}, "gpt-x-2026", "a"),
        ("openai", {"apim_request_id": "b"}, "gpt-x-2026", "b"),
        ("anthropic", {"request_id": "c"}, "claude-x", "c"),
        ("gemini", {}, "gemini-x-001", "r"),
        ("bedrock", {"x_amzn_requestid": "d"}, "", "d"),
    ],
)
def test_an_answer_says_who_gave_it(provider: str, headers: dict[str, str], model: str, request_id: str) -> None:
    found = answered(provider, MAKERS[provider]("x"), **headers)

    assert (found.model, found.request_id) == (model, request_id)


def test_a_refusal_of_openai_is_none_of_its_filters() -> None:
    found = answered("openai", of_openai(content=None, refusal="I can't help with that."))

    assert (found.text, found.end, found.detail) == ("", EndReason.REFUSED, "I can't help with that.")


def test_a_refusal_of_claude_names_its_category() -> None:
    body = of_anthropic("refusal", content=[], stop_details={"type": "refusal", "category": "bio"})

    assert answered("anthropic", body).detail == "refusal: bio"


def test_a_question_that_gemini_blocks_is_a_filtered_answer() -> None:
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}}
    found = answered("gemini", body)

    assert (found.text, found.end, found.detail) == ("", EndReason.FILTERED, "PROHIBITED_CONTENT")
    assert found.usage.input_tokens == 9


@pytest.mark.parametrize("provider", ["anthropic", "bedrock"])
def test_an_answer_that_left_the_context_window_is_no_answer(provider: str) -> None:
    found = ANSWERS[provider](reply(MAKERS[provider]("model_context_window_exceeded")))

    assert isinstance(found, Failure)
    assert (found.kind, found.status) == (FailureKind.CONTEXT, 200)


GARBAGE = [
    b"",
    b"<html>",
    b"{",
    b"[]",
    b"null",
    b"{}",
    b'{"choices": []}',
    b'{"candidates": []}',
    b"\xff\xfe",
    b"1e999",
]


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("provider", ANSWERS)
def test_an_answer_without_sense_is_a_failure_of_the_server(provider: str, body: bytes) -> None:
    found = ANSWERS[provider](reply(body))

    assert isinstance(found, Failure)
    assert (found.kind, found.status) == (FailureKind.SERVER, 200)


@pytest.mark.parametrize("provider", MAKERS)
def test_an_answer_that_was_cut_anywhere_is_a_failure_of_the_server(provider: str) -> None:
    whole = json.dumps(MAKERS[provider]("x")).encode()

    for end in range(0, len(whole) - 1, 7):
        found = ANSWERS[provider](reply(whole[:end]))
        assert isinstance(found, Failure)
        assert found.kind is FailureKind.SERVER


def openai_error(message: str = "m", code: str | None = None, kind: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(kind: str, message: str = "m", **details: object) -> dict[str, Any]:
    error = {"type": kind, "message": message} | ({"details": details} if details else {})
    return {"type": "error", "error": error, "request_id": "req"}


def gemini_error(status: str, message: str = "m", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": 1, "message": message, "status": status, "details": list(details)}}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProject", "quotaValue": "250"}],
}
NONE = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "x", "quotaValue": "0"}]}
WRONG_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
K = FailureKind

FAILURES: list[tuple[str, int, object, dict[str, str], FailureKind]] = [
    ("openai", 429, openai_error(code="rate_limit_exceeded"), {}, K.RATE_LIMIT),
    ("openai", 429, openai_error(code="insufficient_quota", kind="insufficient_quota"), {}, K.QUOTA_EXHAUSTED),
    ("openai", 503, openai_error("overloaded"), {}, K.OVERLOADED),
    ("openai", 500, openai_error(), {}, K.SERVER),
    ("openai", 502, b"<html>bad gateway", {}, K.SERVER),
    ("openai", 504, b"", {}, K.SERVER),
    ("openai", 408, b"", {}, K.SERVER),
    ("openai", 400, openai_error(code="context_length_exceeded"), {}, K.CONTEXT),
    ("openai", 400, {"message": "This model's maximum context length is 8 tokens", "type": "B"}, {}, K.CONTEXT),
    ("openai", 413, b"", {}, K.CONTEXT),
    ("openai", 400, openai_error(code="content_filter"), {}, K.FILTER),
    ("openai", 400, openai_error(code="content_policy_violation"), {}, K.FILTER),
    ("openai", 401, openai_error(code="invalid_api_key"), {}, K.CONFIG),
    ("openai", 402, b"", {}, K.CONFIG),
    ("openai", 403, openai_error(), {}, K.CONFIG),
    ("openai", 404, openai_error(code="model_not_found"), {}, K.CONFIG),
    ("openai", 301, b"", {}, K.CONFIG),
    ("openai", 400, openai_error(code="model_not_found"), {}, K.CONFIG),
    ("openai", 400, openai_error(code="unsupported_parameter"), {}, K.BAD_REQUEST),
    ("openai", 422, {"error": "unprocessable"}, {}, K.BAD_REQUEST),
    ("anthropic", 429, anthropic_error("rate_limit_error"), {}, K.RATE_LIMIT),
    (
        "anthropic",
        429,
        anthropic_error("rate_limit_error", error_code="enforced_spend_limit_reached"),
        {},
        K.QUOTA_EXHAUSTED,
    ),
    ("anthropic", 429, anthropic_error("rate_limit_error", error_code="ramp_limit_exceeded"), {}, K.QUOTA_EXHAUSTED),
    (
        "anthropic",
        402,
        anthropic_error("billing_error", error_code="linked_organization_spend_limit_reached"),
        {},
        K.QUOTA_EXHAUSTED,
    ),
    (
        "anthropic",
        400,
        anthropic_error("invalid_request_error", "Your credit balance is too low to access the API"),
        {},
        K.QUOTA_EXHAUSTED,
    ),
    ("anthropic", 529, anthropic_error("overloaded_error"), {}, K.OVERLOADED),
    ("anthropic", 503, b"", {}, K.OVERLOADED),
    ("anthropic", 500, anthropic_error("api_error"), {}, K.SERVER),
    ("anthropic", 504, anthropic_error("timeout_error"), {}, K.SERVER),
    ("anthropic", 400, anthropic_error("invalid_request_error", "prompt is too long: 9 tokens > 8"), {}, K.CONTEXT),
    ("anthropic", 413, anthropic_error("request_too_large"), {}, K.CONTEXT),
    (
        "anthropic",
        400,
        anthropic_error("invalid_request_error", "Output blocked by content filtering policy"),
        {},
        K.FILTER,
    ),
    ("anthropic", 401, anthropic_error("authentication_error"), {}, K.CONFIG),
    ("anthropic", 402, anthropic_error("billing_error"), {}, K.CONFIG),
    ("anthropic", 403, anthropic_error("permission_error"), {}, K.CONFIG),
    ("anthropic", 404, anthropic_error("not_found_error"), {}, K.CONFIG),
    ("anthropic", 400, anthropic_error("invalid_request_error", "temperature: not permitted"), {}, K.BAD_REQUEST),
    ("anthropic", 429, gemini_error("RESOURCE_EXHAUSTED"), {}, K.RATE_LIMIT),  # Vertex AI's own words
    ("gemini", 429, gemini_error("RESOURCE_EXHAUSTED", "m", RETRY), {}, K.RATE_LIMIT),
    ("gemini", 429, gemini_error("RESOURCE_EXHAUSTED"), {}, K.RATE_LIMIT),
    ("gemini", 429, [gemini_error("RESOURCE_EXHAUSTED")], {}, K.RATE_LIMIT),
    ("gemini", 429, gemini_error("RESOURCE_EXHAUSTED", "m", RETRY, DAY), {}, K.QUOTA_EXHAUSTED),
    ("gemini", 429, gemini_error("RESOURCE_EXHAUSTED", "m", NONE), {}, K.QUOTA_EXHAUSTED),
    ("gemini", 429, gemini_error("RESOURCE_EXHAUSTED", "quota exceeded, limit: 0, model: x"), {}, K.QUOTA_EXHAUSTED),
    ("gemini", 503, gemini_error("UNAVAILABLE"), {}, K.OVERLOADED),
    ("gemini", 500, gemini_error("INTERNAL"), {}, K.SERVER),
    ("gemini", 504, gemini_error("DEADLINE_EXCEEDED"), {}, K.SERVER),
    (
        "gemini",
        400,
        gemini_error("INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)"),
        {},
        K.CONTEXT,
    ),
    ("gemini", 400, gemini_error("INVALID_ARGUMENT", "API key not valid.", WRONG_KEY), {}, K.CONFIG),
    ("gemini", 400, gemini_error("FAILED_PRECONDITION", "User location is not supported"), {}, K.CONFIG),
    ("gemini", 403, gemini_error("PERMISSION_DENIED"), {}, K.CONFIG),
    ("gemini", 404, gemini_error("NOT_FOUND"), {}, K.CONFIG),
    ("gemini", 400, gemini_error("INVALID_ARGUMENT", "Unable to process input image"), {}, K.BAD_REQUEST),
    ("bedrock", 429, {"message": "m"}, {"x_amzn_errortype": "ThrottlingException:http://x"}, K.RATE_LIMIT),
    ("bedrock", 400, {"__type": "com.amazon#ThrottlingException", "Message": "m"}, {}, K.RATE_LIMIT),
    ("bedrock", 429, {"message": "m"}, {"x_amzn_errortype": "ModelNotReadyException"}, K.OVERLOADED),
    ("bedrock", 400, {}, {"x_amzn_errortype": "ServiceQuotaExceededException"}, K.QUOTA_EXHAUSTED),
    ("bedrock", 503, {}, {"x_amzn_errortype": "ServiceUnavailableException"}, K.OVERLOADED),
    ("bedrock", 424, {}, {"x_amzn_errortype": "ModelErrorException"}, K.SERVER),
    ("bedrock", 408, {}, {"x_amzn_errortype": "ModelTimeoutException"}, K.SERVER),
    ("bedrock", 500, {}, {"x_amzn_errortype": "InternalServerException"}, K.SERVER),
    (
        "bedrock",
        400,
        {"message": "Input is too long for requested model."},
        {"x_amzn_errortype": "ValidationException"},
        K.CONTEXT,
    ),
    ("bedrock", 403, {}, {"x_amzn_errortype": "AccessDeniedException"}, K.CONFIG),
    ("bedrock", 404, {}, {"x_amzn_errortype": "ResourceNotFoundException"}, K.CONFIG),
    (
        "bedrock",
        400,
        {"message": "The provided model identifier is invalid."},
        {"x_amzn_errortype": "ValidationException"},
        K.CONFIG,
    ),
    ("bedrock", 400, {"message": "m"}, {"x_amzn_errortype": "ValidationException"}, K.BAD_REQUEST),
]


@pytest.mark.parametrize(("provider", "status", "body", "headers", "kind"), FAILURES)
def test_every_failure_of_every_provider_has_its_kind(
    provider: str, status: int, body: object, headers: dict[str, str], kind: FailureKind
) -> None:
    found = REFUSALS[provider](reply(body, status, **headers))

    assert (found.kind, found.status) == (kind, status)
    assert found.message


@pytest.mark.parametrize("kind", FailureKind)
def test_every_provider_can_fail_in_every_way_but_for_filters_that_end_an_answer(kind: FailureKind) -> None:
    providers = {provider for provider, *_, found in FAILURES if found is kind}

    assert providers >= (set(REFUSALS) - {"gemini", "bedrock"} if kind is FailureKind.FILTER else set(REFUSALS))


@pytest.mark.parametrize("provider", REFUSALS)
@pytest.mark.parametrize("body", GARBAGE)
def test_a_failure_needs_no_body_that_makes_sense(provider: str, body: bytes) -> None:
    found = REFUSALS[provider](reply(body, 429, retry_after="3"))

    assert (found.kind, found.retry_after_s, found.message) == (FailureKind.RATE_LIMIT, 3.0, "HTTP 429")


@pytest.mark.parametrize(
    ("body", "headers", "pause_s"),
    [
        (gemini_error("RESOURCE_EXHAUSTED", "m", RETRY), {}, 34.5),
        (gemini_error("RESOURCE_EXHAUSTED", "Please retry in 12.25s."), {}, 12.25),
        (gemini_error("RESOURCE_EXHAUSTED", "Please retry in 180.5ms."), {}, 0.1805),
        (gemini_error("RESOURCE_EXHAUSTED", "m", RETRY), {"retry_after": "2"}, 2.0),
        (gemini_error("RESOURCE_EXHAUSTED"), {}, None),
    ],
)
def test_gemini_tells_its_pause_in_the_body(body: object, headers: dict[str, str], pause_s: float | None) -> None:
    assert gemini.refusal(reply(body, 429, **headers)).retry_after_s == pytest.approx(pause_s)


def test_a_message_of_a_provider_is_one_line_of_bounded_length() -> None:
    found = openai.refusal(reply(openai_error("a\nb " * 1000), 400))

    assert found.message.startswith("a b a b")
    assert len(found.message) <= 300
