"""A provider in this process that says by script what no simulator says, in the native words of each protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from support.genai_servers import ANSWER

_THROTTLED = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/coral/"}


@dataclass(frozen=True)
class Said:
    """A status, headers and a body."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def _openai(end: str, **message: object) -> Said:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER, **message}, "finish_reason": end}
    return Said(200, {"model": "m", "choices": [choice]})


def _anthropic(end: str) -> Said:
    return Said(200, {"model": "m", "content": [{"type": "text", "text": ANSWER}], "stop_reason": end})


def _gemini(end: str) -> Said:
    return Said(200, {"candidates": [{"content": {"parts": [{"text": ANSWER}]}, "finishReason": end}]})


def _bedrock(end: str) -> Said:
    message = {"role": "assistant", "content": [{"text": ANSWER}]}
    return Said(200, {"output": {"message": message}, "stopReason": end})


def _openai_error(status: int, code: str) -> Said:
    return Said(status, {"error": {"message": "Not now.", "type": code, "code": code}})


def _anthropic_error(status: int, kind: str, message: str = "Not now.") -> Said:
    return Said(status, {"type": "error", "error": {"type": kind, "message": message}})


def _gemini_error(status: int, word: str, message: str = "Not now.") -> Said:
    return Said(status, {"error": {"code": status, "status": word, "message": message}})


def _bedrock_error(status: int, kind: str, message: str = "Not now.") -> Said:
    return Said(status, {"message": message}, {"x-amzn-errortype": kind})


_RETRY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]

ANSWER_HEADERS = {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49"}
_PRICED = {**_anthropic("end_turn").body, "usage": {"input_tokens": 9, "output_tokens": 2}}

SCRIPT: Mapping[str, Mapping[str, Said]] = {
    "openai": {
        "image": _openai("stop"),
        "refusal": _openai("stop", content=None, refusal="I can't."),
        "filtered question": _openai_error(400, "content_filter"),
        "429": _openai_error(429, "rate_limit_exceeded"),
        "quota": _openai_error(429, "insufficient_quota"),
    },
    "anthropic": {
        "ok": _anthropic("end_turn"),
        "priced": Said(200, _PRICED, ANSWER_HEADERS),
        "image": _anthropic("end_turn"),
        "truncated": _anthropic("max_tokens"),
        "refusal": _anthropic("refusal"),
        "filter": _anthropic_error(400, "invalid_request_error", "Output blocked by content filtering policy"),
        "filtered question": _anthropic_error(400, "invalid_request_error", "blocked by content filtering policy"),
        "400": _anthropic_error(400, "invalid_request_error"),
        "context": _anthropic_error(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
        "401": _anthropic_error(401, "authentication_error"),
        "429 with pause": Said(429, _anthropic_error(429, "rate_limit_error").body, {"retry-after": "7"}),
        "429": _anthropic_error(429, "rate_limit_error"),
        "quota": Said(
            429,
            {"error": {"type": "rate_limit_error", "details": {"error_code": "contract_spend_limit_reached"}}},
        ),
        "500": _anthropic_error(500, "api_error"),
        "503": _anthropic_error(503, "api_error"),
        "529": _anthropic_error(529, "overloaded_error"),
    },
    "gemini": {
        "image": _gemini("STOP"),
        "refusal": Said(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        "filtered question": Said(200, {"promptFeedback": {"blockReason": "SAFETY"}}),
        "context": _gemini_error(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number"),
        "429 with pause": Said(
            429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": _RETRY}}
        ),
        "429": _gemini_error(429, "RESOURCE_EXHAUSTED"),
        "quota": _gemini_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: free_tier, limit: 0"),
    },
    "bedrock": {
        "image": _bedrock("end_turn"),
        "filter": _bedrock("content_filtered"),
        "filtered question": _bedrock("guardrail_intervened"),
        "context": _bedrock_error(400, "ValidationException", "Input is too long for requested model."),
        "429": Said(429, {"message": "Too many requests"}, _THROTTLED),
        "quota": _bedrock_error(400, "ServiceQuotaExceededException"),
    },
}


def _protocol(path: str) -> str:
    if path.endswith("/chat/completions"):
        return "openai"
    if path.endswith(("/messages", ":rawPredict")):
        return "anthropic"
    return "gemini" if path.endswith(":generateContent") else "bedrock"


class ScriptedProvider:
    """Answers by the word after ``cell:`` in a question, or by ``default``; ``seen`` are the bodies that came."""

    def __init__(self) -> None:
        self.address = ""
        self.default = ""
        self.seen: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the script says."""
        body = await request.text()
        self.seen.append(body)
        cell = body.partition("cell:")[2].partition(".")[0] or self.default
        match cell:
            case "hang":
                await asyncio.Event().wait()
            case "drip":
                return await self._drip(request, pause_s=0.02)
            case "endless":
                return await self._drip(request, piece=b" " * 65_536)
            case "cut":
                return await self._cut(request)
            case "garbage":
                return web.Response(text="<html>")
            case "redirect":
                raise web.HTTPFound("http://127.0.0.1:9/")
        said = SCRIPT[_protocol(request.path)][cell]
        return web.json_response(said.body, status=said.status, headers=said.headers)

    async def _drip(self, request: web.Request, *, piece: bytes = b" ", pause_s: float = 0) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with suppress(ConnectionError):
            while True:
                await answer.write(piece)
                await asyncio.sleep(pause_s)
        return answer

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-length": "1000"})
        await answer.prepare(request)
        await answer.write(json.dumps({"choices": []}).encode())
        assert request.transport is not None
        request.transport.close()
        return answer


@asynccontextmanager
async def scripted_provider() -> AsyncIterator[ScriptedProvider]:
    """Serve the script on a free port."""
    provider = ScriptedProvider()
    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/{path:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        provider.address = f"http://{host}:{port}"
        yield provider
    finally:
        await runner.cleanup()
