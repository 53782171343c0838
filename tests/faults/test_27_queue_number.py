"""Promise 27: the number that autoscalers read is plain, true on each replica, and never 0 while a job runs.

That an unknown depth is a 503 and never a number stands in ``tests/integration/test_http_server.py``, the arithmetic in
``tests/unit/test_health_queue_status.py``.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from llamaparse_worker.testing.reader import script
from support.daemon import Daemon, command, daemon, environment, scripted, until

STATUS = "/api/queue-statusz?queue_prefix=parse_raw_file_job"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, {**scripted(tmp_path), "LOG_FORMAT": "json"})


def submitted(env: dict[str, str], folder: Path, *contents: bytes) -> None:
    files = [folder / f"job-{number}" for number in range(len(contents))]
    for path, content in zip(files, contents, strict=True):
        path.write_bytes(content)
    done = command(["submit", *map(str, files)], env)
    assert done.returncode == 0, done.stderr


def number_of(running: Daemon) -> int:
    status, body = running.get(STATUS)
    assert status == 200, body
    found = json.loads(body)["total_messages"]
    assert isinstance(found, int)
    return found


def test_waiting_and_running_jobs_count_once(tmp_path: Path, env: dict[str, str]) -> None:
    with daemon(env, tmp_path) as running:
        assert number_of(running) == 0
        submitted(env, tmp_path, *[script("slow 20")] * 2)
        urgent = tmp_path / "urgent"
        urgent.write_bytes(script("slow 20"))
        assert command(["submit", "--priority", "high", str(urgent)], env).returncode == 0
        running.wait_event("job.started")
        until(lambda: number_of(running) == 3, 10, why=running.log)

        found = running.get_json(STATUS)

        assert (found["ready"], found["in_flight"], found["delayed"]) == (2, 1, 0)
        names = [
            "parse_raw_file_job",
            *(f"parse_raw_file_job_{kind}" for kind in ("critical", "high", "low", "ranges")),
        ]
        assert [queue["name"] for queue in found["queues"]] == names
        assert sum(queue["messages"] for queue in found["queues"]) == 2 + found["in_flight"]
        assert running.get("/api/queue-statusz?queue_prefix=no_such_queue")[0] == 404


def test_the_number_is_never_zero_from_the_start_of_a_job_to_its_end(tmp_path: Path, env: dict[str, str]) -> None:
    with daemon(env, tmp_path) as running:
        submitted(env, tmp_path, script(*["slow 0.2"] * 8))
        running.wait_event("job.started")
        seen = []
        while not running.events("job.settled"):
            before = number_of(running)
            if not running.events("job.settled"):
                seen.append(before)

    assert len(seen) > 5
    assert min(seen) == max(seen) == 1


def test_all_replicas_tell_the_same_number(tmp_path: Path, env: dict[str, str]) -> None:
    """Also the one that does nothing."""
    with ExitStack() as stack:
        replicas = [stack.enter_context(daemon(env, tmp_path)) for _ in range(2)]
        submitted(env, tmp_path, *[script("slow 20")] * 5)
        for running in replicas:
            running.wait_event("job.started")
        until(lambda: all(number_of(running) == 5 for running in replicas), 10)

        told = [(found["ready"], found["in_flight"]) for found in (running.get_json(STATUS) for running in replicas)]

    assert told == [(3, 2), (3, 2)]
