"""``check --genai``: a line for each deployment, with what it costs or what to do."""

from __future__ import annotations

import json

import pytest

from llamaparse_worker.cli.check_genai import check_genai
from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.settings import WorkerSettings, read
from support.wiremock import CELL, Fault, WireMock

pytestmark = pytest.mark.anyio


def entry(name: str, address: str, cell: str = "priced") -> dict[str, object]:
    credentials = {"api_key": "a-long-secret-key", "base_url": address}
    named = {"id": name, "provider": "anthropic", "model_id": "claude-x"}
    return {**named, "credentials": credentials, "headers": {CELL: cell}}


async def test_a_deployment_that_answers_shows_model_latency_quotas_and_cost(
    wiremock: WireMock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_PROVIDER_CONFIGS_JSON", json.dumps([entry("mine", wiremock.address)]))
    monkeypatch.setenv("GENAI_PRICES_JSON", '{"claude-*": {"input": 1000, "output": 5000}}')

    assert await check_genai(read(WorkerSettings)) is ExitStatus.OK

    line = capsys.readouterr().out
    assert line.startswith("ok      genai mine: m; 0.")
    assert line.endswith("; 9 tokens in, 2 out; cost 0.019000; requests: 49 of 50 left\n")


async def test_without_a_price_no_cost_is_made_up(
    wiremock: WireMock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_PROVIDER_CONFIGS_JSON", json.dumps([entry("mine", wiremock.address)]))

    assert await check_genai(read(WorkerSettings)) is ExitStatus.OK
    assert "; no price is set;" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "status", "words"),
    [
        ("401", ExitStatus.CONFIGURATION, "FAILED  genai mine: config (401): Not now.\n        Correct"),
        ("429 with pause", ExitStatus.UNAVAILABLE, "rate_limit (429): Not now.; it asks for a pause of 7 s\n"),
        ("quota", ExitStatus.UNAVAILABLE, "quota_exhausted (429)"),
        ("529", ExitStatus.UNAVAILABLE, "overloaded (529)"),
        (Fault.RESET.name, ExitStatus.UNAVAILABLE, "server: "),
    ],
)
async def test_a_deployment_that_fails_shows_what_to_do(
    wiremock: WireMock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cell: str,
    status: ExitStatus,
    words: str,
) -> None:
    monkeypatch.setenv("LLM_PROVIDER_CONFIGS_JSON", json.dumps([entry("mine", wiremock.address, cell)]))

    assert await check_genai(read(WorkerSettings)) is status

    assert words in (line := capsys.readouterr().out)
    assert ("LLM_PROVIDER_CONFIGS_JSON[0] (mine)" in line) == (status is ExitStatus.CONFIGURATION)
    assert "secret" not in line


async def test_every_deployment_is_asked_although_one_fails(
    wiremock: WireMock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [entry("away", "http://127.0.0.1:9"), entry("there", wiremock.address)]
    monkeypatch.setenv("LLM_PROVIDER_CONFIGS_JSON", json.dumps(entries))

    assert await check_genai(read(WorkerSettings)) is ExitStatus.UNAVAILABLE

    lines = capsys.readouterr().out.splitlines()
    assert [line[:19] for line in lines if not line.startswith(" ")] == ["FAILED  genai away:", "ok      genai there"]


async def test_without_a_deployment_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LLM_PROVIDER_CONFIGS_JSON"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ConfigurationError, match="no provider of models is configured; set a key"):
        await check_genai(read(WorkerSettings))
