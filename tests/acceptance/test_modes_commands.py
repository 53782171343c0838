"""The modes that ask models, by command line and daemon, with a server that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import documents
from support.daemon import command, daemon, environment, until
from support.model_server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer.running() as opened:
        yield opened


@pytest.fixture
def env(server: ModelServer, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, {"OPENAI_API_KEY": "sk-of-a-test", "OPENAI_BASE_URL": server.base_url})


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(documents.make(documents.prose(1), documents.table(documents.measurements(1))))
    return path


def _records(folder: Path) -> list[dict[str, Any]]:
    pages = json.loads((folder / "result.json").read_text())["metadata"]["pages"]
    return [page["refinement"] for page in pages]


@pytest.mark.parametrize("mode", ["balanced", "multimodal", "agentic"])
def test_a_model_writes_the_pages_and_the_record_says_so(
    mode: str, server: ModelServer, env: dict[str, str], report: Path, tmp_path: Path
) -> None:
    for chosen in ("fast", mode):
        done = command(["parse", str(report), "--output", str(tmp_path / chosen), "--mode", chosen], env)
        assert done.returncode == 0, done.stderr

    asked, fast = tmp_path / mode / "report.pdf", tmp_path / "fast" / "report.pdf"
    assert (asked / "result.md").read_text() == (fast / "result.md").read_text()
    assert [record["verdict"] for record in _records(asked)] == ["answered", "answered"]
    assert len(server.questions) == 2
    shown = [part["type"] for question in server.questions for part in question["messages"][-1]["content"]]
    assert ("image_url" in shown) == (mode != "balanced")


def test_what_a_model_invents_is_not_in_the_result(
    server: ModelServer, env: dict[str, str], report: Path, tmp_path: Path
) -> None:
    server.invents = True

    done = command(["parse", str(report), "--output", str(tmp_path / "out"), "--mode", "agentic"], env)

    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "report.pdf"
    assert "4,711,000" not in (folder / "result.md").read_text()
    assert [record["verdict"] for record in _records(folder)] == ["kept", "kept"]
    assert all(record["notes"] for record in _records(folder))
    assert len(server.questions) <= 2 * 4


def test_a_daemon_asks_models_and_tells_what_a_job_has_cost(
    server: ModelServer, env: dict[str, str], report: Path, tmp_path: Path
) -> None:
    with daemon(env, tmp_path) as running:
        done = command(["submit", str(report), "--mode", "balanced", "--json"], env)
        assert done.returncode == 0, done.stderr
        running.wait_event("job.settled")
        status = json.loads(command(["status", json.loads(done.stdout)["job"], "--json"], env).stdout)
        metrics = running.get("/metrics")[1]

    assert status["status"] == "COMPLETED"
    assert re.search(r'genai_calls_total\{deployment="[^"]+",outcome="answered"\} 2\.0', metrics)
    assert re.search(r'genai_tokens_total\{deployment="[^"]+",direction="in"\} 1800\.0', metrics)
    assert len(server.questions) == 2
    used = {"requests": 2.0, "input_tokens": 1800.0, "output_tokens": 800.0}
    by_deployment = {f"{name}@openai:gpt-6-luna": value for name, value in used.items()}
    assert status["usage"] == {"pages": 2.0, **used, **by_deployment}


def test_the_auto_mode_asks_about_pages_with_a_trigger(
    server: ModelServer, env: dict[str, str], report: Path, tmp_path: Path
) -> None:
    arguments = ["parse", str(report), "--output", str(tmp_path / "out"), "--auto-mode", "table,regexp=whale,s"]
    done = command(arguments, env)

    assert done.returncode == 0, done.stderr
    pages = json.loads((tmp_path / "out" / "report.pdf" / "result.json").read_text())["metadata"]["pages"]
    assert [page["triggered_auto_mode"] for page in pages] == [False, True]
    assert [record["verdict"] for record in _records(tmp_path / "out" / "report.pdf")] == ["skipped", "answered"]
    assert len(server.questions) == 1


def test_a_second_run_takes_its_pages_from_the_cache(
    server: ModelServer, env: dict[str, str], report: Path, tmp_path: Path
) -> None:
    arguments = ["parse", str(report), "--mode", "balanced", "--cache", str(tmp_path / "cache"), "--output"]
    results = []
    for name in ("first", "second"):
        done = command([*arguments, str(tmp_path / name)], env)
        assert done.returncode == 0, done.stderr
        results.append(tmp_path / name / "report.pdf")

    assert len(server.questions) == 2
    first, second = results
    assert (first / "result.md").read_text() == (second / "result.md").read_text()
    assert [record["from_cache"] for record in _records(second)] == [True, True]
    assert [record["calls"] for record in _records(second)] == [[], []]
    hits = [json.loads((folder / "manifest.json").read_text())["job_is_cache_hit"] for folder in results]
    assert hits == [False, True]


def test_a_daemon_pays_once_for_a_document_of_two_jobs(
    server: ModelServer, env: dict[str, str], report: Path, tmp_path: Path
) -> None:
    jobs = []
    with daemon(env, tmp_path) as running:
        for _ in range(2):
            done = command(["submit", str(report), "--mode", "balanced", "--json"], env)
            assert done.returncode == 0, done.stderr
            jobs.append(json.loads(done.stdout)["job"])
            until(lambda: len(running.events("job.settled")) == len(jobs), 20, why=running.log)
    usages = [json.loads(command(["status", job, "--json"], env).stdout)["usage"] for job in jobs]

    assert len(server.questions) == 2
    assert usages[1] == {"pages": 2.0, "cached_pages": 2.0}


def test_check_names_the_deployments_of_each_mode_and_asks_none(server: ModelServer, env: dict[str, str]) -> None:
    models = {"OPENAI_MODELS": "gpt-6-luna,qwen", "PREFERED_PREMIUM_MODE_MODEL": "openai:gpt-6-luna"}
    done = command(["check"], {**env, **models})

    assert done.returncode == 0, done.stdout
    assert "ok      model for balanced: openai:gpt-6-luna, openai:qwen\n" in done.stdout
    assert "ok      model for agentic: openai:gpt-6-luna\n" in done.stdout
    assert server.questions == []
