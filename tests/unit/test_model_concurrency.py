"""``<MODEL>_CONCURRENCY`` and ``PREFERED_PREMIUM_MODE_MODEL``, from variables to what bounds calls."""

from __future__ import annotations

import pytest

from llamaparse_worker.app.models import open_models, open_served
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.settings import LocalSettings, Sources, read
from llamaparse_worker.settings.catalogue import misspelt
from llamaparse_worker.settings.model_concurrency import concurrency_variable, model_concurrencies


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("gemini-2.5-flash", "GEMINI_2_5_FLASH_CONCURRENCY"),
        ("openai-gpt-4o-mini", "OPENAI_GPT_4O_MINI_CONCURRENCY"),
        ("anthropic-sonnet-4.5", "ANTHROPIC_SONNET_4_5_CONCURRENCY"),
        ("openai:gpt-6-luna", "OPENAI_GPT_6_LUNA_CONCURRENCY"),
        ("claude sonnet", "CLAUDE_SONNET_CONCURRENCY"),
        ("eu.anthropic.claude-haiku-4-5-v1:0", "EU_ANTHROPIC_CLAUDE_HAIKU_4_5_V1_0_CONCURRENCY"),
    ],
)
def test_variable_of_a_model_is_its_name_in_capitals(name: str, variable: str) -> None:
    assert concurrency_variable(name) == variable
    assert model_concurrencies([name], sources=Sources(environment={variable: "9"})) == {variable: 9}


def test_wrong_cap_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigurationError, match="GEMINI_2_5_FLASH_CONCURRENCY=none"):
        model_concurrencies(["gemini-2.5-flash"], sources=Sources(environment={"GEMINI_2_5_FLASH_CONCURRENCY": "none"}))


def test_variables_of_other_things_bound_no_model() -> None:
    assert model_concurrencies(["ocr"], sources=Sources(environment={"OCR_CONCURRENCY": "2"})) == {}


def test_cap_of_a_model_that_is_not_deployed_is_no_typing_error() -> None:
    assert not misspelt(Sources(environment={"GEMINI_2_0_FLASH_LITE_CONCURRENCY": "10"}))


@pytest.mark.anyio
async def test_every_deployment_of_a_model_is_under_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OPENAI_API_KEY": "k",
        "OPENAI_MODELS": "gpt-4o-mini,gpt-4o",
        "AZURE_OPENAI_GPT_4O_MINI_API_KEY": "k",
        "AZURE_OPENAI_GPT_4O_MINI_BASE_URL": "https://r.example",
        "OPENAI_GPT_4O_MINI_CONCURRENCY": "12",
        "OPENAI_CONCURRENCY": "30",
    }.items():
        monkeypatch.setenv(name, value)

    async with open_served(read(LocalSettings)) as models:
        caps = {one.model.deployment.id: one.caps for one in models}

    mini, azure = caps["openai:gpt-4o-mini"], caps["azure:openai-gpt-4o-mini"]
    assert {cap.most for cap in mini} == {12, 30}
    assert set(mini) == set(azure)  # the same two, not their likes
    assert [cap.most for cap in caps["openai:gpt-4o"]] == [30]


@pytest.mark.anyio
async def test_preferred_model_is_chosen_by_any_of_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    settings = LocalSettings(prefered_premium_mode_model="claude sonnet")

    async with open_served(settings) as models, open_models(models, settings) as router:
        asked = {mode: router.deployments(mode, images=False)[0].model_id for mode in ModeName}

    assert asked[ModeName.AGENTIC] == "claude-sonnet-5-5"
    assert asked[ModeName.BALANCED] == "claude-haiku-5-5"


@pytest.mark.anyio
async def test_preferred_model_that_nobody_has_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    settings = LocalSettings(prefered_premium_mode_model="gemini")

    with pytest.raises(ConfigurationError, match="PREFERED_PREMIUM_MODE_MODEL=gemini: no model is called so"):
        async with open_served(settings) as models, open_models(models, settings):
            pass
