"""Full disks, each a small file system of its own: nothing is lost, and room made again is enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llamaparse_worker.testing.reader import script
from support.daemon import command, daemon, environment, scripted, until
from support.disk import fill, small_disk


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(
        tmp_path,
        {
            **scripted(tmp_path),
            "LOG_FORMAT": "json",
            "JOB_RETRY_DELAY_SECONDS": "0.3",
            "SWEEP_INTERVAL_SECONDS": "0.2",
            "JOB_MAX_ATTEMPTS": "3",
        },
    )


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_document_larger_than_the_spool_is_tried_again_and_then_fails_with_storage_full(
    tmp_path: Path, env: dict[str, str]
) -> None:
    large = written(tmp_path / "large", script("text", "text " + "x" * 300_000))
    small = written(tmp_path / "small", script("text"))

    with small_disk(tmp_path / "disk", 256) as disk, daemon({**env, "SPOOL_DIR": str(disk)}, tmp_path) as running:
        failed = command(["submit", str(large), "--wait", "--json"], env)
        completed = command(["submit", str(small), "--wait", "--json"], env)
        assert not list(disk.iterdir()), "half a document is not left behind"

        ending = json.loads(failed.stdout)
        assert (failed.returncode, ending["error_code"]) == (65, "STORAGE_FULL"), running.log()
        assert len(running.events("job.started")) == 4, "three attempts, and the small document"
        assert json.loads(completed.stdout)["status"] == "COMPLETED"


def test_results_that_find_no_room_are_stored_once_there_is_some(tmp_path: Path, env: dict[str, str]) -> None:
    env = {**env, "OBJECTS_DIR": str(tmp_path / "disk"), "JOB_MAX_ATTEMPTS": "100"}
    document = written(tmp_path / "text", script("slow 3"))

    with small_disk(tmp_path / "disk", 512) as disk, daemon(env, tmp_path) as running:
        (line,) = command(["submit", str(document), "--json"], env).stdout.splitlines()
        running.wait_event("job.started")
        filler = fill(disk)
        running.wait_event("job.settled")
        assert running.events("job.settled")[0]["outcome"] == "retried"
        filler.unlink()
        job = json.loads(line)["job"]
        until(lambda: "COMPLETED" in command(["status", job], env).stdout, 20, why=running.log)


def test_a_job_store_that_finds_no_room_is_waited_for(tmp_path: Path, env: dict[str, str]) -> None:
    env = {**env, "SQLITE_PATH": str(tmp_path / "disk" / "worker.sqlite3")}
    document = written(tmp_path / "text", script("slow 3"))

    with small_disk(tmp_path / "disk", 4096) as disk, daemon(env, tmp_path) as running:
        (line,) = command(["submit", str(document), "--json"], env).stdout.splitlines()
        running.wait_event("job.started")
        filler = fill(disk)
        running.wait_event("backend.away")
        assert running.get("/livez")[0] == 200
        filler.unlink()
        settled = running.wait_event("job.settled")

    assert (settled["job"], settled["outcome"]) == (json.loads(line)["job"], "completed")
