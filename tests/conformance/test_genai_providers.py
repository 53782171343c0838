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
from support.genai_servers import complaints_of, llmock_server
from support.wiremock import CELL, WireMock


def anthropic(address: str, cell: str = "ok") -> GenAiSettings:
    return GenAiSettings(
        anthropic_api_key=SecretStr("a-key"),
        anthropic_base_url=address,
        anthropic_models=("claude-x",),
        anthropic_custom_headers=SecretStr(f"{CELL}: {cell}"),
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
    """The real client: against llmock where it answers, against WireMock where it does not."""

    @pytest.fixture
    async def genai(self, llmock: str) -> AsyncIterator[GenAi]:
        async with open_providers(anthropic(llmock)) as (model,):
            yield model

    @pytest.fixture
    async def throttled(self, wiremock: WireMock) -> AsyncIterator[GenAi]:
        async with open_providers(anthropic(wiremock.address, "429")) as (model,):
            yield model

    @pytest.fixture
    async def hanging(self, wiremock: WireMock) -> AsyncIterator[GenAi]:
        async with open_providers(anthropic(wiremock.address, "hang")) as (model,):
            yield model
