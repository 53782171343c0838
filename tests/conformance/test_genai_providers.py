from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from anyio import Event
from pydantic import SecretStr

from llamaparse_worker.backends.genai.component import open_providers
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.interfaces import GenAi
from llamaparse_worker.model.genai import Failure, FailureKind
from llamaparse_worker.testing.genai import FakeGenAi
from llamaparse_worker.testing.genai_conformance import GenAiConformance
from support.genai_script import ScriptedProvider, scripted_provider
from support.genai_servers import complaints_of, llmock_server


def anthropic(address: str) -> GenAiSettings:
    return GenAiSettings(
        anthropic_api_key=SecretStr("a-key"), anthropic_base_url=address, anthropic_models=("claude-x",)
    )


@pytest.fixture(scope="module")
def llmock() -> Iterator[str]:
    with llmock_server() as address:
        yield f"{address}/anthropic"
        assert complaints_of(address) == ""


class TestFakeGenAi(GenAiConformance):
    @pytest.fixture
    def genai(self) -> GenAi:
        return FakeGenAi()

    @pytest.fixture
    def throttled(self) -> GenAi:
        return FakeGenAi([Failure(kind=FailureKind.RATE_LIMIT, message="slower")])

    @pytest.fixture
    def hanging(self) -> GenAi:
        return FakeGenAi(gate=Event())


class TestProviders(GenAiConformance):
    """The real client: against llmock where it answers, against a script where it does not."""

    @pytest.fixture
    async def script(self) -> AsyncIterator[ScriptedProvider]:
        async with scripted_provider() as provider:
            yield provider

    @pytest.fixture
    async def genai(self, llmock: str) -> AsyncIterator[GenAi]:
        async with open_providers(anthropic(llmock)) as (model,):
            yield model

    @pytest.fixture
    async def throttled(self, script: ScriptedProvider) -> AsyncIterator[GenAi]:
        script.default = "429"
        async with open_providers(anthropic(script.address)) as (model,):
            yield model

    @pytest.fixture
    async def hanging(self, script: ScriptedProvider) -> AsyncIterator[GenAi]:
        script.default = "hang"
        async with open_providers(anthropic(script.address)) as (model,):
            yield model
