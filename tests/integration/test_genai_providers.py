"""Every route against simulators by third parties: what each of a provider's answers and faults comes to.

aimock plays the cells that it can. WireMock says the rest in the words of ``support.genai_words``: all of Claude on
Vertex AI, which aimock does not know; the typed errors of Bedrock; pauses left out and quotas used up; refusals of
OpenAI's kind; filters of Anthropic and Bedrock; the context errors of Gemini and Bedrock; redirects; answers that drip,
or are too large; and it breaks connections in all its ways. llmock has real quotas, which end in real pauses.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from http import HTTPStatus
from random import Random
from typing import Any

import anyio
import botocore.parsers
import botocore.session
import pytest
from botocore.awsrequest import HeadersDict

from llamaparse_worker.backends.genai.component import open_providers
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.interfaces import GenAi
from llamaparse_worker.model.genai import CallFailed, EndReason, FailureKind, Text
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.testing.genai import PIXEL, question
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.errand import Errand, Route
from llamaparse_worker.throttle.gate import Gate
from llamaparse_worker.throttle.router import open_router
from support.genai_servers import AIMOCK_ANSWERS, aimock_server, complaints_of, llmock_server, words_of
from support.genai_words import ANSWER, errors_of_bedrock
from support.wiremock import CELL, Fault, WireMock

pytestmark = pytest.mark.anyio

KEY = "a-key-of-the-tests"


def vertex(address: str) -> dict[str, Any]:
    return {"credentials_type": "proxy", "base_url": address, "project_id": "p", "location": "eu"}


def routes(address: str, cell: str = "ok") -> dict[str, dict[str, Any]]:
    amazon = {"region": "eu-west-1", "access_key_id": "id", "secret_access_key": KEY, "base_url": address}
    azure = {"api_key": KEY, "endpoint": address, "deployment_id": "d", "api_version": "2024-10-21"}
    entries: dict[str, tuple[str, str, dict[str, Any]]] = {
        "openai": ("openai", "openai-gpt-4o", {"api_key": KEY, "base_url": f"{address}/v1"}),
        "compatible": ("openai", "openai-gpt-4o", {"base_url": f"{address}/v1"}),
        "azure": ("azure", "openai-gpt-4o", azure),
        "anthropic": ("anthropic", "anthropic-sonnet-4.5", {"api_key": KEY, "base_url": address}),
        "bedrock": ("bedrock", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", amazon),
        "vertex claude": ("vertexai", "claude-haiku-4-5@20251001", vertex(address)),
        "gemini": ("gemini", "gemini-2.5-flash", {"api_key": KEY, "base_url": address}),
        "vertex gemini": ("vertexai", "gemini-2.5-flash", vertex(address)),
    }
    return {
        name: {
            "id": name,
            "provider": provider,
            "model_id": model,
            "credentials": credentials,
            "headers": {CELL: cell},
        }
        for name, (provider, model, credentials) in entries.items()
    }


ROUTES = tuple(routes(""))
PROTOCOLS = dict.fromkeys(("openai", "compatible", "azure"), "openai") | {
    "anthropic": "anthropic",
    "vertex claude": "anthropic",
    "bedrock": "bedrock",
    "gemini": "gemini",
    "vertex gemini": "gemini",
}
IN_OWN_WORDS = {
    *(("openai", cell) for cell in ("refusal",)),
    *(("anthropic", cell) for cell in ("filter",)),
    *(("bedrock", cell) for cell in ("filter", "context")),
    *(("gemini", cell) for cell in ("refusal", "context", "429 with pause")),
}
"""Cells that aimock could play, but not in the words of the protocol."""

Outcome = EndReason | FailureKind
OUTCOMES: dict[str, Outcome] = {
    "ok": EndReason.COMPLETE,
    "image": EndReason.COMPLETE,
    "truncated": EndReason.LENGTH,
    "refusal": EndReason.REFUSED,
    "filter": EndReason.FILTERED,
    "filtered question": FailureKind.FILTER,
    "400": FailureKind.BAD_REQUEST,
    "context": FailureKind.CONTEXT,
    "401": FailureKind.CONFIG,
    "redirect": FailureKind.CONFIG,
    "429 with pause": FailureKind.RATE_LIMIT,
    "429": FailureKind.RATE_LIMIT,
    "quota": FailureKind.QUOTA_EXHAUSTED,
    "529": FailureKind.OVERLOADED,
    "503": FailureKind.OVERLOADED,
    "500": FailureKind.SERVER,
    "hang": FailureKind.SERVER,
    "drip": FailureKind.SERVER,
    "too large": FailureKind.SERVER,
    "cut": FailureKind.SERVER,
    "garbage": FailureKind.SERVER,
    **{fault.name: FailureKind.SERVER for fault in Fault},
}
OTHERWISE: dict[tuple[str, str], Outcome] = {
    ("anthropic", "filter"): FailureKind.FILTER,  # an error there
    ("gemini", "refusal"): EndReason.FILTERED,  # the model cannot refuse by itself
    ("gemini", "filtered question"): EndReason.FILTERED,  # no error there
    ("bedrock", "filtered question"): EndReason.FILTERED,
}
PAUSES = {"429 with pause": 7.0, "429": None}
SLOW = {"hang": 0.4, "drip": 0.4}
OF_BEDROCK = {
    "AccessDeniedException": FailureKind.CONFIG,
    "InternalServerException": FailureKind.SERVER,
    "ModelErrorException": FailureKind.SERVER,
    "ModelNotReadyException": FailureKind.OVERLOADED,
    "ModelTimeoutException": FailureKind.SERVER,
    "ResourceNotFoundException": FailureKind.CONFIG,
    "ServiceQuotaExceededException": FailureKind.QUOTA_EXHAUSTED,
    "ServiceUnavailableException": FailureKind.OVERLOADED,
    "ThrottlingException": FailureKind.RATE_LIMIT,
    "ValidationException": FailureKind.BAD_REQUEST,
}


def settings_of(entry: dict[str, Any]) -> GenAiSettings:
    return GenAiSettings.model_validate({"llm_provider_configs_json": json.dumps([entry])})


def is_played_by_aimock(route: str, cell: str) -> bool:
    return cell in AIMOCK_ANSWERS and route != "vertex claude" and (PROTOCOLS[route], cell) not in IN_OWN_WORDS


def cells_of(route: str) -> tuple[str, ...]:
    """Leave out aimock's way to cut a connection where aimock is not asked; WireMock has four."""
    return tuple(cell for cell in OUTCOMES if cell != "cut" or is_played_by_aimock(route, cell))


@pytest.fixture(scope="module")
def aimock() -> Iterator[str]:
    with aimock_server() as address:
        yield address


async def ask(model: GenAi, cell: str) -> tuple[Outcome | None, float | None]:
    """Give what a cell comes to, None where nobody plays it, with the pause that is asked for."""
    asked = question(PIXEL, Text(words_of(cell)))
    try:
        answer = await model.ask(asked, timeout_s=SLOW.get(cell, 20.0))
    except CallFailed as failed:
        known = failed.failure.status != HTTPStatus.NOT_FOUND  # which WireMock gives for what it does not know
        return failed.failure.kind if known else None, failed.failure.retry_after_s
    assert answer.text == ANSWER or answer.end in {EndReason.REFUSED, EndReason.FILTERED}
    return answer.end, None


@pytest.mark.parametrize(("route", "cell"), [(route, cell) for route in ROUTES for cell in cells_of(route)])
async def test_each_answer_and_fault_of_each_route_has_its_outcome(
    aimock: str, wiremock: WireMock, route: str, cell: str
) -> None:
    address = aimock if is_played_by_aimock(route, cell) else wiremock.address
    with anyio.fail_after(30):
        async with open_providers(settings_of(routes(address, cell)[route])) as (model,):
            kind, pause_s = await ask(model, cell)

    assert kind is OTHERWISE.get((PROTOCOLS[route], cell), OUTCOMES[cell])
    if cell in PAUSES:
        assert pause_s == PAUSES[cell]


@pytest.mark.parametrize("name", errors_of_bedrock())
async def test_each_error_that_amazon_knows_of_bedrock_has_its_kind(wiremock: WireMock, name: str) -> None:
    async with open_providers(settings_of(routes(wiremock.address, name)["bedrock"])) as (model,):
        with pytest.raises(CallFailed) as failed:
            await model.ask(question(), timeout_s=20)

    assert failed.value.failure.kind is OF_BEDROCK[name]
    assert failed.value.failure.code == name


def test_the_errors_of_bedrock_are_those_that_amazons_own_client_reads() -> None:
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    parser = botocore.parsers.create_parser(service.metadata["protocol"])
    shape = service.operation_model("Converse").output_shape

    for name, said in errors_of_bedrock().items():
        reply = {"status_code": said.status, "headers": HeadersDict(said.headers), "body": said.text.encode()}
        assert parser.parse(reply, shape)["Error"]["Code"] == name


@pytest.mark.parametrize("route", ROUTES)
async def test_an_image_arrives_at_each_route_as_it_was(wiremock: WireMock, route: str) -> None:
    async with open_providers(settings_of(routes(wiremock.address, "image")[route])) as (model,):
        await ask(model, "image")

    assert base64.b64encode(PIXEL.content).decode() in wiremock.bodies()[-1]


QUOTAS = ("--rpm", "2", "--context-window", "2000")
WITH_QUOTAS = {
    "openai": ("openai", "openai-gpt-4o", "/v1"),
    "anthropic": ("anthropic", "anthropic-sonnet-4.5", "/anthropic"),
    "gemini": ("gemini", "gemini-2.5-flash", "/gemini"),
}


@pytest.fixture(scope="module")
def llmock() -> Iterator[str]:
    with llmock_server(*QUOTAS) as address:
        yield address


@pytest.mark.parametrize("route", WITH_QUOTAS)
async def test_a_quota_is_seen_to_shrink_and_to_end_in_a_pause(llmock: str, route: str) -> None:
    provider, model_id, path = WITH_QUOTAS[route]
    credentials = {"api_key": f"key-of-{route}", "base_url": f"{llmock}{path}"}
    entry = {"id": route, "provider": provider, "model_id": model_id, "credentials": credentials}

    async with open_providers(settings_of(entry)) as (model,):
        answers = [await model.ask(question(Text("Hello")), timeout_s=20) for _ in range(2)]
        with pytest.raises(CallFailed) as refused:
            await model.ask(question(Text("Hello")), timeout_s=20)

    assert [answer.end for answer in answers] == [EndReason.COMPLETE] * 2
    assert all(answer.usage.input_tokens and answer.usage.output_tokens for answer in answers)
    failure = refused.value.failure
    assert failure.kind is FailureKind.RATE_LIMIT
    assert failure.retry_after_s is not None
    assert 0 < failure.retry_after_s <= 60
    if route != "gemini":  # which tells its quotas to nobody
        left = [answer.limits.requests.remaining for answer in answers if answer.limits.requests]
        assert left == [1, 0]


@pytest.mark.parametrize("route", WITH_QUOTAS)
async def test_a_question_that_is_too_long_is_known_as_one(llmock: str, route: str) -> None:
    provider, model_id, path = WITH_QUOTAS[route]
    credentials = {"api_key": f"another-key-of-{route}", "base_url": f"{llmock}{path}"}
    entry = {"id": route, "provider": provider, "model_id": model_id, "credentials": credentials}

    async with open_providers(settings_of(entry)) as (model,):
        with pytest.raises(CallFailed) as refused:
            await model.ask(question(Text("word " * 20_000)), timeout_s=20)

    assert refused.value.failure.kind is FailureKind.CONTEXT


@pytest.mark.parametrize("route", WITH_QUOTAS)
async def test_a_provider_that_refuses_now_and_then_is_asked_politely_until_all_is_answered(route: str) -> None:
    provider, model_id, path = WITH_QUOTAS[route]
    with llmock_server("--error-rate", "429=0.2", "--latency-ms", "5") as address:
        credentials = {"api_key": "a-key", "base_url": f"{address}{path}"}
        entry = {"id": route, "provider": provider, "model_id": model_id, "credentials": credentials}
        answered: list[EndReason] = []
        async with open_providers(settings_of(entry)) as (model,), AsyncExitStack() as stack:
            gate = Gate(
                model.deployment, most=1, budget=Budget(), random=Random(0)
            )  # llmock takes calls under way for hasty
            router = await stack.enter_async_context(open_router([Route(model, gate)], {ModeName.BALANCED: 4}))
            errand = Errand(mode=ModeName.BALANCED, flow="one", tokens=100)

            async def ask() -> None:
                answered.append((await router.ask(question(Text("Hello")), errand)).answer.end)

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(ask)

        assert answered == [EndReason.COMPLETE] * 10
        assert complaints_of(address) == ""
