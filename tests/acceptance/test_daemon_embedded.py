"""The daemon as its users run it on one machine: no configuration, embedded queue and store."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamaparse_worker.testing.reader import script
from support import documents
from support.daemon import Daemon, alive, command, daemon, descendants, environment, scripted, until

SAMPLES = Path(__file__).parents[2] / "config" / "samples"


def submitted(env: dict[str, str], *files: Path | str, cwd: Path | None = None) -> list[str]:
    """Submit files and give the ids of their jobs."""
    done = command(["submit", *map(str, files), "--json"], env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["job"] for line in done.stdout.splitlines()]


def status_of(env: dict[str, str], job: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(command(["status", job, "--json"], env).stdout)
    return found


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.fixture
def slow(tmp_path: Path) -> dict[str, str]:
    """An environment in which scripted documents take as long as a test wants."""
    return environment(tmp_path, {**scripted(tmp_path), "LOG_FORMAT": "json", "JOB_LEASE_SECONDS": "5"})


def test_with_no_configuration_at_all_a_job_goes_from_submit_to_its_result(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "TMPDIR": str(tmp_path)}
    sample = SAMPLES / "harbour-record.pdf"

    with daemon(env, tmp_path, cwd=tmp_path) as running:
        done = command(["submit", str(sample), "--wait", "--json", "--output", "out"], env, cwd=tmp_path)
        job = Path(json.loads(command(["submit", str(sample), "--json"], env, cwd=tmp_path).stdout)["job"]).name
        until(lambda: "COMPLETED" in command(["status", job], env, cwd=tmp_path).stdout, 20)
        result = command(["result", job], env, cwd=tmp_path)
        cancelled = command(["cancel", job], env, cwd=tmp_path)
        unknown = command(["status", "no-such-job"], env, cwd=tmp_path)
        running.terminate()
        assert running.wait() == 0, running.log()

    ending = json.loads(done.stdout)
    assert (done.returncode, ending["status"], ending["error_code"], ending["failed_pages"]) == (
        0,
        "COMPLETED",
        None,
        0,
    )
    markdown = (tmp_path / "out" / sample.name / "result.md").read_text()
    assert markdown.startswith("# ")
    assert result.stdout == markdown
    assert cancelled.stdout.split() == [job, "COMPLETED"], "a job that has ended stays as it is"
    assert (unknown.returncode, unknown.stdout) == (65, "")


def test_submit_tells_apart_what_failed_and_what_was_never_submitted(tmp_path: Path) -> None:
    env = environment(tmp_path)
    good = written(tmp_path, "good.pdf", documents.make(documents.prose(1)))
    bad = written(tmp_path, "bad.pdf", documents.garbage())
    empty = written(tmp_path, "empty.pdf", b"")

    with daemon(env, tmp_path):
        mixed = command(["submit", str(good), str(bad), "--wait", "--json"], env)
        refused = command(["submit", str(empty)], env)
        missing = command(["submit", str(tmp_path / "missing.pdf")], env)

    endings = [json.loads(line) for line in mixed.stdout.splitlines()]
    assert [(ending["status"], ending["error_code"]) for ending in endings] == [
        ("COMPLETED", None),
        ("FAILED", "PDF_IS_BROKEN"),
    ]
    assert (mixed.returncode, refused.returncode, missing.returncode) == (65, 65, 65)
    assert "NO_DATA_FOUND_IN_FILE" in refused.stderr
    assert "SOURCE_NOT_FOUND" in missing.stderr


def test_the_probes_tell_starting_ready_and_draining_apart(tmp_path: Path, slow: dict[str, str]) -> None:
    document = written(tmp_path, "slow", script("slow 1.5"))

    with daemon(slow, tmp_path, ready=False) as running:
        until(lambda: running.get("/livez")[0] == 200, 20, why=running.log)
        running.wait_ready()
        submitted(slow, document)
        running.wait_event("job.started")
        assert running.get("/livez")[0] == running.get("/readyz")[0] == 200

        running.terminate()

        until(lambda: running.get("/readyz")[0] == 503, 5, why=running.log)
        assert "the worker is draining" in running.get_json("/readyz")["reasons"]
        assert running.get("/livez")[0] == 200, "draining is no reason to be killed"
        assert running.wait() == 0


def test_a_job_that_runs_at_sigterm_ends_and_those_that_wait_are_kept(tmp_path: Path, slow: dict[str, str]) -> None:
    document = written(tmp_path, "slow", script("slow 4"))

    with daemon(slow, tmp_path) as running:
        first, second = submitted(slow, document, written(tmp_path, "text", script("text")))
        running.wait_event("job.started")
        running.terminate()
        assert running.wait() == 0, running.log()
    assert status_of(slow, first)["status"] == "COMPLETED"
    assert status_of(slow, second)["status"] == "PENDING"

    with daemon(slow, tmp_path) as running:
        until(lambda: status_of(slow, second)["status"] == "COMPLETED", 10, why=running.log)


def test_a_job_beyond_the_grace_is_handed_back_uncharged(tmp_path: Path, slow: dict[str, str]) -> None:
    slow = {**slow, "GRACE_PERIOD": "0.3"}

    with daemon(slow, tmp_path) as running:
        (job,) = submitted(slow, written(tmp_path, "slow", script("slow 20")))
        running.wait_event("job.started")
        running.terminate()
        assert running.wait(10) == 0, running.log()

    found = status_of(slow, job)
    assert (found["status"], found["attempt"]) == ("PENDING", 0)
    assert not list((tmp_path / "spool").iterdir())


def test_a_long_job_beyond_the_grace_keeps_its_pages_for_the_next_daemon(tmp_path: Path, slow: dict[str, str]) -> None:
    pages = 30
    slow = {**slow, "GRACE_PERIOD": "0.1", "PAGE_RANGE_SIZE": "4", "PARSER_CONCURRENCY": "1", "CHECKPOINT_SECONDS": "2"}

    with daemon(slow, tmp_path) as running:
        (job,) = submitted(slow, written(tmp_path, "long", script(*["slow 0.2"] * pages)))
        running.wait_event("checkpoint.written")
        time.sleep(1.2)
        running.terminate()
        assert running.wait(10) == 0, running.log()
        stored = running.events("checkpoint.written")
        (draining,) = running.events("worker.draining")
    with daemon(slow, tmp_path) as running:
        settled = running.wait_event("job.settled", 20)
        (restored,) = running.events("checkpoint.restored")

    assert stored[-1]["timestamp"] > draining["timestamp"]
    assert (settled["outcome"], settled["attempt"], settled["pages"]) == ("completed", 1, pages)
    assert pages > restored["pages"] == sum(event["pages"] for event in stored)
    assert not list((tmp_path / "objects/results" / job).glob("checkpoints"))


def test_a_second_sigterm_ends_the_daemon_at_once_and_loses_nothing(tmp_path: Path, slow: dict[str, str]) -> None:
    with daemon(slow, tmp_path) as running:
        (job,) = submitted(slow, written(tmp_path, "slow", script("slow 20")))
        running.wait_event("job.started")
        running.terminate()
        running.wait_event("worker.draining")
        running.terminate()
        assert running.wait(10) == 0, running.log()

    found = status_of(slow, job)
    assert (found["status"], found["attempt"]) == ("PENDING", 0)


def test_a_killed_daemon_leaves_no_process_and_its_job_is_done_by_the_next(
    tmp_path: Path, slow: dict[str, str]
) -> None:
    slow = {**slow, "JOB_LEASE_SECONDS": "1", "EMBEDDED_QUEUE_LEASE_SECONDS": "1", "SWEEP_INTERVAL_SECONDS": "0.2"}

    with daemon(slow, tmp_path) as running:
        (job,) = submitted(slow, written(tmp_path, "slow", script("slow 1.2", "text")))
        running.wait_event("job.started")
        family = descendants(running.process.pid)
        assert family
        running.kill()
        until(lambda: not alive(family), 5)
        assert len(list((tmp_path / "spool").iterdir())) == 1

    with daemon(slow, tmp_path) as running:
        assert running.events("spool.leftovers_removed")[0]["folders"] == 1
        until(lambda: status_of(slow, job)["status"] == "COMPLETED", 15, why=running.log)
    assert status_of(slow, job)["attempt"] == 2


def test_a_cancelled_job_stops_while_it_runs(tmp_path: Path, slow: dict[str, str]) -> None:
    with daemon(slow, tmp_path) as running:
        (job,) = submitted(slow, written(tmp_path, "slow", script("slow 30")))
        running.wait_event("job.started")
        assert command(["cancel", job], slow).stdout.split() == [job, "CANCELLED"]
        settled = running.wait_event("job.settled", 5)
        assert settled["outcome"] == "cancelled"
        assert command(["result", job], slow).returncode == 65


def test_the_daemon_exits_in_order_after_so_many_jobs(tmp_path: Path, slow: dict[str, str]) -> None:
    jobs = submitted(slow, *(written(tmp_path, f"text-{number}", script("text")) for number in range(3)))

    with daemon({**slow, "MAX_JOBS_BEFORE_RESTART": "2"}, tmp_path, ready=False) as running:
        assert running.wait() == 0, running.log()

    statuses = sorted(str(status_of(slow, job)["status"]) for job in jobs)
    assert statuses == ["COMPLETED", "COMPLETED", "PENDING"]


def test_one_signal_during_a_restart_of_its_own_still_leaves_the_grace(tmp_path: Path, slow: dict[str, str]) -> None:
    with daemon({**slow, "MAX_JOBS_BEFORE_RESTART": "1"}, tmp_path) as running:
        (job,) = submitted(slow, written(tmp_path, "slow", script("slow 1")))
        running.wait_event("worker.draining")
        running.terminate()
        assert running.wait() == 0, running.log()

    assert status_of(slow, job)["status"] == "COMPLETED"


@pytest.fixture(scope="module")
def tidy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path, Daemon]]:
    """One daemon for the tests that leave it as it was."""
    state = tmp_path_factory.mktemp("tidy")
    more = {"MAX_PAGES": "3", "MAX_DOCUMENT_BYTES": "200000", "PAGE_TIMEOUT_SECONDS": "1", "LOG_FORMAT": "json"}
    env = environment(state, {**scripted(state), **more})
    with daemon(env, state) as running:
        yield env, state, running
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0, running.log()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("notes.bin", b"\x00\x01 neither PDF nor text", "UNSUPPORTED_FILE_TYPE"),
        ("locked.pdf", documents.encrypted(), "PDF_IS_PROTECTED"),
        ("empty.pdf", documents.without_pages(), "NO_DATA_FOUND_IN_FILE"),
        ("noise.pdf", documents.garbage(), "PDF_IS_BROKEN"),
        ("long.pdf", documents.make(*[documents.prose(1)] * 4), "TOO_MANY_PAGES"),
        ("large.pdf", b"%PDF-1.7\n" + bytes(200_001), "DOCUMENT_TOO_LARGE"),
        ("scan.pdf", documents.make(documents.scan()), "NO_DATA_FOUND_IN_FILE"),
        ("hanging", script("hang"), "TOO_MANY_FAILED_PAGES"),
    ],
)
def test_each_bad_document_fails_with_its_documented_code(
    tidy: tuple[dict[str, str], Path, Daemon], name: str, content: bytes, code: str
) -> None:
    env, state, _ = tidy

    done = command(["submit", str(written(state, name, content)), "--wait", "--json"], env)

    ending = json.loads(done.stdout)
    assert (done.returncode, ending["status"], ending["error_code"]) == (65, "FAILED", code)
    assert code in done.stderr


def test_a_truncated_document_gives_what_is_left_of_it_or_says_that_it_is_broken(
    tidy: tuple[dict[str, str], Path, Daemon],
) -> None:
    env, state, _ = tidy

    done = command(["submit", str(written(state, "cut.pdf", documents.truncated())), "--wait", "--json"], env)

    ending = json.loads(done.stdout)
    assert (ending["status"], ending["error_code"]) in {
        ("COMPLETED", None),
        ("FAILED", "PDF_IS_BROKEN"),
        ("FAILED", "TOO_MANY_FAILED_PAGES"),
        ("FAILED", "NO_DATA_FOUND_IN_FILE"),
    }


def test_blank_pages_are_no_failure(tidy: tuple[dict[str, str], Path, Daemon]) -> None:
    env, state, _ = tidy
    blank = written(state, "blank.pdf", documents.make(documents.blank))

    done = command(["submit", str(blank), "--wait", "--output", str(state / "out")], env)

    assert done.returncode == 0, done.stderr
    manifest = json.loads((state / "out" / "blank.pdf" / "manifest.json").read_text())
    assert manifest["flags"] == ["blank"]


def test_options_of_the_command_line_reach_the_worker(tidy: tuple[dict[str, str], Path, Daemon]) -> None:
    env, state, _ = tidy
    report = written(state, "report.pdf", documents.make(*map(documents.prose, range(1, 9))))

    some = command(
        ["submit", str(report), "--wait", "--json", "--pages", "2,7-8", "--output", str(state / "some")], env
    )
    none = command(["submit", str(report), "--wait", "--json", "--pages", "70-80"], env)
    balanced = command(["submit", str(report), "--wait", "--json", "--mode", "balanced"], env)

    assert json.loads(some.stdout)["pages"] == 3
    manifest = json.loads((state / "some" / "report.pdf" / "manifest.json").read_text())
    assert [page["number"] for page in manifest["pages"]] == [2, 7, 8]
    assert json.loads(none.stdout)["error_code"] == "INVALID_PAGE_RANGE"
    assert json.loads(balanced.stdout)["error_code"] == "MODE_UNAVAILABLE"
    assert balanced.returncode == 65
