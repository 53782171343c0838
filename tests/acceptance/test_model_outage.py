"""Every model of a mode goes away and comes back: jobs wait meanwhile, and none is lost, failed, or charged for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import documents
from support.daemon import Daemon, command, daemon, environment, until
from support.model_server import ModelServer
from support.services import Postgres, RabbitMq

JOBS = 4


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer.running() as opened:
        yield opened


@pytest.fixture
def env(server: ModelServer, rabbitmq: RabbitMq, postgres: Postgres, tmp_path: Path) -> dict[str, str]:
    return environment(
        tmp_path,
        {
            "OPENAI_API_KEY": "sk-of-a-test",
            "OPENAI_BASE_URL": server.base_url,
            "JOB_QUEUE_ENDPOINT": rabbitmq.amqp_url,
            "JOB_QUEUE_USERNAME": rabbitmq.username,
            "JOB_QUEUE_PASSWORD": rabbitmq.password,
            "JOB_QUEUE_NAME": "parse_raw_file_job" + tmp_path.name,
            "DATABASE_URL": postgres.database(),
            "JOB_MAX_ATTEMPTS": "1",
            "PAGE_CACHE_HOURS": "0",  # the jobs have one document
            "LOG_FORMAT": "json",
        },
    )


class Story:
    def __init__(self, running: Daemon, env: dict[str, str], document: Path) -> None:
        self._running, self._env, self._document = running, env, document

    def submit(self, mode: str) -> str:
        done = command(["submit", str(self._document), "--mode", mode, "--json"], self._env)
        assert done.returncode == 0, done.stderr
        job: str = json.loads(done.stdout)["job"]
        return job

    def status(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(command(["status", job, "--json"], self._env).stdout)
        return found

    def settled(self, outcome: str) -> set[str]:
        return {event["job"] for event in self._running.events("job.settled") if event["outcome"] == outcome}

    def until(self, condition: Any, limit_s: float) -> float:  # noqa: ANN401 - a lambda
        began = time.monotonic()
        until(condition, limit_s, why=self._running.log)
        return time.monotonic() - began


@pytest.mark.timeout(180)
def test_jobs_wait_for_a_provider_that_is_down_and_begin_when_it_is_back(
    server: ModelServer, env: dict[str, str], tmp_path: Path
) -> None:
    document = tmp_path / "report.pdf"
    document.write_bytes(documents.make(documents.prose(1), documents.prose(2)))
    server.is_down = True
    with daemon(env, tmp_path) as running:
        story = Story(running, env, document)
        models = {story.submit("balanced") for _ in range(JOBS)}
        fast = story.submit("fast")

        story.until(lambda: story.settled("postponed") == models, 60)
        story.until(lambda: story.settled("completed") == {fast}, 30)
        status, body = running.get("/readyz")
        modes = ("balanced", "multimodal", "agentic")  # the one model would serve them all
        assert (status, json.loads(body)["reasons"]) == (503, [f"model for {mode} does not answer" for mode in modes])
        assert running.get("/livez")[0] == 200
        waiting = [story.status(job) for job in models]
        assert {(one["status"], one["attempt"]) for one in waiting} <= {("PENDING", 0), ("RUNNING", 1)}
        # None is lost from an autoscaler's sight.
        story.until(lambda: running.get_json("/api/queue-statusz").get("total_messages") == JOBS, 10)

        server.is_down = False
        assert story.until(lambda: running.get("/readyz")[0] == 200, 30) <= 30
        story.until(lambda: story.settled("completed") == {fast, *models}, 30)

        ended = [story.status(job) for job in models]
        assert {(one["status"], one["attempt"]) for one in ended} == {("COMPLETED", 1)}
        assert all(one["usage"]["requests"] == 2 for one in ended), "each page has its model's answer"
        assert not story.settled("failed")


@pytest.mark.timeout(180)
def test_jobs_wait_for_a_wrong_key_to_be_corrected(server: ModelServer, env: dict[str, str], tmp_path: Path) -> None:
    document = tmp_path / "report.pdf"
    document.write_bytes(documents.make(documents.prose(1), documents.prose(2)))
    server.key = "sk-of-another-test"
    with daemon(env, tmp_path) as running:
        story = Story(running, env, document)
        waiting = {story.submit("balanced") for _ in range(2)}
        story.until(lambda: running.get("/readyz")[0] == 503, 30)
        reasons = json.loads(running.get("/readyz")[1])["reasons"]
        assert "model for balanced refuses the settings" in reasons
        assert 'llamaparse_worker_genai_works{deployment="openai:gpt-6-luna"} 0.0' in running.get("/metrics")[1]
        refusals = running.events("genai.call_failed")
        assert {(one["level"], one["settings"]) for one in refusals} == {("error", "OPENAI_API_KEY, OPENAI_MODELS")}
        story.until(lambda: all(story.status(job)["retry_reason"] for job in waiting), 30)

        running.terminate()
        running.wait()
        assert not story.settled("failed")
        for job in waiting:
            assert "  before  MODELS_MISCONFIGURED: " in command(["status", job], env).stdout

    with daemon({**env, "OPENAI_API_KEY": server.key}, tmp_path) as running:
        story = Story(running, env, document)
        story.until(lambda: story.settled("completed") == waiting, 60)
        assert {story.status(job)["attempt"] for job in waiting} == {1}
