"""The client under all providers: what it sends, what it never does, and how its keys are renewed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import pytest
from aiobotocore.credentials import AioCredentials
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from llamaparse_worker.backends.genai.codec import HttpCall
from llamaparse_worker.backends.genai.component import open_providers
from llamaparse_worker.backends.genai.keys import AmazonKey, bearer
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.model.genai import CallFailed, FailureKind, Image, Text
from llamaparse_worker.testing.genai import PIXEL, question
from support.wiremock import CELL, Fault, WireMock

pytestmark = pytest.mark.anyio


def anthropic(address: str, cell: str = "ok") -> GenAiSettings:
    return GenAiSettings(
        anthropic_api_key=SecretStr("a-long-secret-key"),
        anthropic_base_url=address,
        anthropic_models=("claude-x",),
        anthropic_custom_headers=SecretStr(f"{CELL}: {cell}"),
    )


@pytest.mark.parametrize("cell", ["500", "529", "429", *(fault.name for fault in Fault)])
async def test_a_call_is_sent_once_whatever_comes_back(wiremock: WireMock, cell: str) -> None:
    async with open_providers(anthropic(wiremock.address, cell)) as (model,):
        with pytest.raises(CallFailed):
            await model.ask(question(), timeout_s=10)

    assert len(wiremock.bodies()) == 1


@pytest.mark.parametrize("fault", Fault)
async def test_a_call_ends_with_its_connection_however_that_breaks(wiremock: WireMock, fault: Fault) -> None:
    async def call() -> None:
        with pytest.raises(CallFailed, match="the provider cut the connection"):
            await model.ask(question(), timeout_s=60)

    async with open_providers(anthropic(wiremock.address, fault.name)) as (model,):
        with anyio.fail_after(10):
            async with anyio.create_task_group() as calls:
                for _ in range(8):  # the break comes with the headers, or after them, by chance
                    calls.start_soon(call)


async def test_a_redirect_is_never_followed(wiremock: WireMock) -> None:
    async with open_providers(anthropic(wiremock.address, "redirect")) as (model,):
        with pytest.raises(CallFailed) as failed:
            await model.ask(question(), timeout_s=10)

    assert (failed.value.failure.kind, failed.value.failure.status) == (FailureKind.CONFIG, 302)


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(wiremock: WireMock) -> None:
    async with open_providers(anthropic(wiremock.address, "too large")) as (model,):
        with pytest.raises(CallFailed, match="gave more than 8388608 bytes"):
            await model.ask(question(), timeout_s=20)


async def test_a_proxy_of_the_environment_is_not_used(wiremock: WireMock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async with open_providers(anthropic(wiremock.address)) as (model,):
        assert (await model.ask(question(), timeout_s=10)).text


async def test_a_cancelled_call_ends_at_once(wiremock: WireMock) -> None:
    async with open_providers(anthropic(wiremock.address, "hang")) as (model,):
        with anyio.fail_after(5), anyio.move_on_after(0.2) as scope:
            await model.ask(question(), timeout_s=60)

    assert scope.cancelled_caught


async def test_two_hundred_calls_run_at_once(wiremock: WireMock) -> None:
    answers = []

    async def call() -> None:
        answers.append(await model.ask(question(), timeout_s=30))

    async with open_providers(anthropic(wiremock.address)) as (model,), anyio.create_task_group() as calls:
        for _ in range(200):
            calls.start_soon(call)

    assert len(answers) == 200


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image(b"II*\0", "image/tiff"), FailureKind.BAD_REQUEST),
        (Image(bytes(4_000_000), "image/png"), FailureKind.CONTEXT),
    ],
)
async def test_an_image_that_the_model_does_not_take_is_not_sent(
    wiremock: WireMock, image: Image, kind: FailureKind
) -> None:
    async with open_providers(anthropic(wiremock.address)) as (model,):
        with pytest.raises(CallFailed) as failed:
            await model.ask(question(image), timeout_s=10)

    assert failed.value.failure.kind is kind
    assert wiremock.bodies() == []


async def test_a_model_without_eyes_gets_no_image(wiremock: WireMock) -> None:
    settings = GenAiSettings(openai_base_url=f"{wiremock.address}/v1", openai_models=("unknown",))

    async with open_providers(settings) as (model,):
        with pytest.raises(CallFailed, match="unknown takes no images"):
            await model.ask(question(PIXEL), timeout_s=10)

    assert wiremock.bodies() == []


async def test_an_address_that_nobody_serves_is_a_failure_of_the_server() -> None:
    async with open_providers(anthropic("http://127.0.0.1:9")) as (model,):
        with pytest.raises(CallFailed) as failed:
            await model.ask(question(Text("Hello")), timeout_s=10)

    assert (failed.value.failure.kind, failed.value.failure.status) == (FailureKind.SERVER, None)


def test_a_key_that_a_provider_quotes_is_hidden() -> None:
    assert bearer("sk-a-long-secret").hidden("Incorrect key sk-a-long-secret.") == "Incorrect key ********."
    assert bearer("none").hidden("none of it") == "none of it"


async def test_amazons_signature_covers_body_and_address() -> None:
    key = AmazonKey(AioCredentials("id", "secret", "token"), "eu-west-1")
    call = HttpCall("https://bedrock-runtime.eu-west-1.amazonaws.com/model/a%3A0/converse", {"content-type": "x"}, b"1")

    signed = await key.headers(call)
    other = await key.headers(replace(call, body=b"2"))

    authorization = signed["Authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=id/")
    assert "/eu-west-1/bedrock/aws4_request" in authorization
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token" in authorization
    assert signed["X-Amz-Security-Token"] == "token"
    assert other["Authorization"] != authorization


class TokenServer:
    """Google's end of OAuth: gives tokens, or fails."""

    def __init__(self) -> None:
        self.given = 0
        self.error: tuple[int, str] | None = None
        self.lifetime_s = 3600

    async def token(self, _request: web.Request) -> web.Response:
        self.given += 1
        if self.error:
            status, word = self.error
            return web.json_response({"error": word, "error_description": "No."}, status=status)
        return web.json_response({"access_token": f"token-{self.given}", "expires_in": self.lifetime_s})


class Vertex:
    """Vertex AI and Google's tokens on one port."""

    def __init__(self) -> None:
        self.tokens = TokenServer()
        self.authorizations: list[str] = []
        self.settings = GenAiSettings()

    async def generate(self, request: web.Request) -> web.Response:
        self.authorizations.append(request.headers["authorization"])
        return web.json_response({"candidates": [{"content": {"parts": [{"text": "Yes."}]}, "finishReason": "STOP"}]})


@pytest.fixture
async def vertex() -> AsyncIterator[Vertex]:
    found = Vertex()
    app = web.Application()
    app.router.add_post("/token", found.tokens.token)
    app.router.add_post("/{path:v1/.*}", found.generate)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    address = f"http://{host}:{port}"
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "worker@p.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "token_uri": f"{address}/token",
    }
    found.settings = GenAiSettings.model_validate(
        {
            "google_vertex_ai_enabled": True,
            "google_vertex_ai_project_id": "p",
            "google_vertex_ai_location": "eu",
            "google_vertex_ai_models": ("gemini-x",),
            "google_vertex_ai_base_url": address,
            "google_vertex_ai_credentials_json": json.dumps(account),
        }
    )
    try:
        yield found
    finally:
        await runner.cleanup()


async def test_one_token_of_google_serves_all_calls(vertex: Vertex) -> None:
    async def call() -> None:
        await model.ask(question(Text("Hello")), timeout_s=20)

    async with open_providers(vertex.settings) as (model,), anyio.create_task_group() as calls:
        for _ in range(10):
            calls.start_soon(call)

    assert vertex.authorizations == ["Bearer token-1"] * 10
    assert vertex.tokens.given == 1


async def test_a_token_of_google_is_renewed_before_it_ends(vertex: Vertex) -> None:
    vertex.tokens.lifetime_s = 60  # which is less than the time before the end at which it counts as over

    async with open_providers(vertex.settings) as (model,):
        await model.ask(question(Text("Hello")), timeout_s=20)
        await model.ask(question(Text("Hello")), timeout_s=20)

    assert vertex.authorizations == ["Bearer token-1", "Bearer token-2"]


async def test_credentials_that_google_refuses_are_wrong_settings(vertex: Vertex) -> None:
    vertex.tokens.error = (400, "invalid_grant")

    async with open_providers(vertex.settings) as (model,):
        with pytest.raises(CallFailed) as failed:
            await model.ask(question(Text("Hello")), timeout_s=20)

    assert failed.value.failure.kind is FailureKind.CONFIG
    assert vertex.authorizations == []


async def test_credentials_that_cannot_be_read_are_named() -> None:
    settings = GenAiSettings.model_validate(
        {
            "google_vertex_ai_enabled": True,
            "google_vertex_ai_project_id": "p",
            "google_vertex_ai_location": "eu",
            "google_vertex_ai_models": ("gemini-x",),
            "google_vertex_ai_credentials_json": "not JSON",
        }
    )
    with pytest.raises(ConfigurationError, match="GOOGLE_VERTEX_AI_CREDENTIALS_JSON: no credentials for Vertex AI"):
        async with open_providers(settings):
            pass
