from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from llamaparse_worker.backends.genai.codec import Codec
from llamaparse_worker.backends.genai.routes import (
    AnthropicRoute,
    AzureRoute,
    BedrockRoute,
    GeminiRoute,
    OpenAiRoute,
    Route,
    VertexRoute,
)
from llamaparse_worker.model.deployment import Profile, TokenField
from llamaparse_worker.model.genai import AnswerSchema, GenAiRequest, Image, Reasoning, Text
from llamaparse_worker.testing.genai import PIXEL, question
from support.genai_oracles import check_anthropic, check_converse, check_gemini, check_openai

FULL = Profile(
    temperature=True,
    token_field=TokenField.MAX_COMPLETION_TOKENS,
    reasoning={Reasoning.NONE: "low", Reasoning.LOW: "low", Reasoning.HIGH: "high"},
    schema=True,
    images=True,
    max_output_tokens=64_000,
    caches_system=True,
)
SCHEMA = AnswerSchema(
    "verdict",
    {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    },
)
EVERYTHING = replace(question(), temperature=0.0, schema=SCHEMA)


class _Kept(Exception):
    """Ends a call when its request is known."""


@dataclass(frozen=True)
class Wire:
    """A protocol, as the tests ask for it."""

    route: Route
    model: str
    check: Callable[[Mapping[str, Any]], None]

    def codec(self, profile: Profile = FULL) -> Codec:
        return self.route.codec(self.model, profile, {})

    def body(self, request: GenAiRequest = EVERYTHING, profile: Profile = FULL) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.codec(profile).encode(request).body)
        return found


def check_vertex_claude(body: Mapping[str, Any]) -> None:
    assert body["anthropic_version"] == "vertex-2023-10-16"
    check_anthropic({**{key: body[key] for key in body if key != "anthropic_version"}, "model": "in the address"})


OPENAI = Wire(OpenAiRoute(), "gpt", check_openai)
ANTHROPIC = Wire(AnthropicRoute("2023-06-01"), "claude", check_anthropic)
GEMINI = Wire(GeminiRoute(), "gemini", check_gemini)
BEDROCK = Wire(BedrockRoute("eu-central-1"), "eu.anthropic.claude-x-v1:0", check_converse)
VERTEX_CLAUDE = Wire(VertexRoute("p", "eu"), "claude-x@20260101", check_vertex_claude)
WIRES = {
    "openai": OPENAI,
    "azure": Wire(AzureRoute("https://r.openai.azure.com", "2026-01-01"), "mine", check_openai),
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "bedrock": BEDROCK,
    "vertex-gemini": Wire(VertexRoute("p", "eu"), "gemini-x", check_gemini),
    "vertex-claude": VERTEX_CLAUDE,
}


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    return WIRES[request.param]


NOTHING = Profile()
PROFILES = {
    "everything": FULL,
    "nothing": NOTHING,
    "budgets": replace(FULL, reasoning={Reasoning.NONE: 0, Reasoning.LOW: 1024, Reasoning.HIGH: 24_000}),
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("reasoning", Reasoning)
@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["text", "schema"])
def test_every_request_follows_the_types_of_the_providers_own_library(
    wire: Wire, profile: Profile, reasoning: Reasoning, schema: AnswerSchema | None
) -> None:
    asked = replace(EVERYTHING, reasoning=reasoning, schema=schema, max_output_tokens=2000)

    wire.check(wire.body(asked, profile))


def test_a_profile_that_allows_nothing_leaves_every_option_out(wire: Wire) -> None:
    bare = question()

    assert wire.body(EVERYTHING, NOTHING) == wire.body(bare, NOTHING)


def test_an_image_goes_out_before_the_text_byte_by_byte(wire: Wire) -> None:
    content = bytes(range(256)) * 3
    text = json.dumps(wire.body(question(Image(content, "image/webp"), Text("Read it."))))

    encoded = base64.b64encode(content).decode()
    assert text.count(encoded) == 1
    assert text.index(encoded) < text.index("Read it.")
    assert "image/webp" in text or '"format": "webp"' in text


@pytest.mark.parametrize("text", ["ünïcödé 漢字 \U0001f600", 'quotes " and \\ and \u2028', "\x00\x1f\x7f"])
def test_text_arrives_as_it_is(wire: Wire, text: str) -> None:
    found = json.dumps(wire.body(question(Text(text), system=f"system {text}")), ensure_ascii=False)

    assert found.count(json.dumps(text, ensure_ascii=False)[1:-1]) == 2


def test_halves_of_surrogate_pairs_cannot_break_a_request(wire: Wire) -> None:
    body = wire.codec().encode(question(Text("a\ud800b"))).body

    assert b"a?b" in body


def test_no_more_output_is_asked_for_than_the_model_has(wire: Wire) -> None:
    asked = replace(EVERYTHING, max_output_tokens=1_000_000)

    assert "64000" in json.dumps(wire.body(asked))
    assert "1000000" not in json.dumps(wire.body(asked))
    assert "1000000" in json.dumps(wire.body(asked, replace(FULL, max_output_tokens=None)))


@pytest.mark.parametrize("wire", [ANTHROPIC, VERTEX_CLAUDE, BEDROCK], ids=["anthropic", "vertex", "bedrock"])
def test_claude_thinks_within_its_output_or_not_at_all_and_without_a_temperature(wire: Wire) -> None:
    profile = replace(FULL, reasoning={Reasoning.LOW: 1024})
    asked = replace(EVERYTHING, reasoning=Reasoning.LOW, max_output_tokens=4096)

    thinking = json.dumps(wire.body(asked, profile))
    small = json.dumps(wire.body(replace(asked, max_output_tokens=1024), profile))

    assert "budget_tokens" in thinking
    assert "temperature" not in thinking
    assert "budget_tokens" not in small
    assert "temperature" in small


@pytest.mark.parametrize(
    ("route", "model", "url"),
    [
        (OpenAiRoute(), "m", "https://api.openai.com/v1/chat/completions"),
        (OpenAiRoute("http://vllm:8000/v1/"), "m", "http://vllm:8000/v1/chat/completions"),
        (
            AzureRoute("https://r.openai.azure.com/", "2026-01-01"),
            "d 1",
            "https://r.openai.azure.com/openai/deployments/d%201/chat/completions?api-version=2026-01-01",
        ),
        (
            AzureRoute("https://r.openai.azure.com/openai/deployments/d", None),
            "d",
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        (AnthropicRoute("v"), "m", "https://api.anthropic.com/v1/messages"),
        (AnthropicRoute("v", "http://gateway/anthropic/v1"), "m", "http://gateway/anthropic/v1/messages"),
        (
            GeminiRoute(),
            "gemini-x",
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent",
        ),
        (
            VertexRoute("p", "europe-west4"),
            "gemini-x",
            (
                "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google"
                "/models/gemini-x:generateContent"
            ),
        ),
        (
            VertexRoute("p", "global"),
            "claude-x@1",
            (
                "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic"
                "/models/claude-x@1:rawPredict"
            ),
        ),
        (
            VertexRoute("p", "eu"),
            "gemini-x",
            (
                "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google"
                "/models/gemini-x:generateContent"
            ),
        ),
    ],
)
def test_each_route_has_its_address(route: Route, model: str, url: str) -> None:
    assert route.codec(model, FULL, {}).encode(question()).url == url


@pytest.mark.parametrize(
    "model", ["anthropic.claude-x-v1:0", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.a.b-v1:0"]
)
def test_bedrock_is_asked_at_the_address_and_with_the_body_that_botocore_uses(model: str) -> None:
    sent: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: object) -> None:
        sent.append(request)
        raise _Kept

    client = botocore.session.get_session().create_client(
        "bedrock-runtime",
        region_name="eu-west-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", keep)
    asked = question(PIXEL, Text("What?"))
    call = BedrockRoute("eu-west-1").codec(model, NOTHING, {}).encode(asked)
    with pytest.raises(_Kept):
        client.converse(
            modelId=model,
            system=[{"text": asked.system}],
            messages=[
                {
                    "role": "user",
                    "content": [{"image": {"format": "png", "source": {"bytes": PIXEL.content}}}, {"text": "What?"}],
                }
            ],
            inferenceConfig={"maxTokens": asked.max_output_tokens},
        )

    assert call.url == sent[0].url
    assert json.loads(call.body) == json.loads(sent[0].body)
