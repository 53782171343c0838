"""A start that cannot work is refused with the variable's name; what is served beyond loopback is guarded."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support import documents
from support.daemon import command, daemon, environment

CONFIGURATION = 78


def refused(tmp_path: Path, variables: dict[str, str]) -> str:
    done = command(["run"], environment(tmp_path, {"PORT": "0", **variables}))
    assert done.returncode == CONFIGURATION, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HOST": "0.0.0.0"}, ("HOST=0.0.0.0", "API_TOKEN", "HTTP_OPEN")),
        ({"PORT": "70000"}, ("PORT", "70000", "65535")),
        ({"JOB_MAX_ATTEMPTS": "0"}, ("JOB_MAX_ATTEMPTS=0", "1 to 100")),
        ({"PDF_JOB_QUEUE_CONCURRENCY": "2", "MAX_QUEUE_CONCURRENCY": "3"}, ("PDF_JOB_QUEUE_CONCURRENCY", "MAX_QUEUE")),
        ({"LOG_LEVEL": "loud"}, ("LOG_LEVEL", "loud")),
        ({"BROKER": "pigeon"}, ("BROKER=pigeon", "embedded", "rabbitmq")),
        ({"OCR_ENGINE": "crystal"}, ("OCR_ENGINE=crystal",)),
        ({"PLUGINS": "reader:absent"}, ("PLUGINS", "reader:absent")),
        ({"DATABASE_URL": "mysql://host/db"}, ("DATABASE_URL",)),
        ({"SPOOL_DIR": "/dev/null/spool"}, ("SPOOL_DIR /dev/null/spool cannot be written",)),
        ({"API_TOKEN_FILE": "/nonexistent/token"}, ("API_TOKEN_FILE", "/nonexistent/token")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_value_stops_the_start_and_is_named(
    tmp_path: Path, variables: dict[str, str], said: tuple[str, ...]
) -> None:
    message = refused(tmp_path, variables)

    for part in said:
        assert part in message


def test_a_port_in_use_is_a_configuration_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = refused(tmp_path, {"PORT": str(port)})

    assert f"PORT: cannot listen on 127.0.0.1 port {port}" in message


def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "worker.sqlite3").write_bytes(b"no database at all, but long enough to be taken for one " * 20)

    assert "SQLITE_PATH" in refused(tmp_path, {})


def test_a_near_miss_of_a_known_name_is_warned_about(tmp_path: Path) -> None:
    with daemon(environment(tmp_path, {"JOB_MAX_ATEMPTS": "5", "LOG_FORMAT": "json"}), tmp_path) as running:
        (event,) = running.events("settings.unknown_variable")

    assert (event["name"], event["meant"]) == ("JOB_MAX_ATEMPTS", "JOB_MAX_ATTEMPTS")


def test_the_metrics_tell_what_the_worker_did(tmp_path: Path) -> None:
    document = tmp_path / "report.pdf"
    document.write_bytes(documents.make(documents.prose(1), documents.prose(2)))
    env = environment(tmp_path)

    with daemon(env, tmp_path) as running:
        assert command(["submit", str(document), "--wait"], env).returncode == 0
        metrics = running.get("/metrics")[1].splitlines()

    assert "llamaparse_pages_parsed_total 2.0" in metrics
    assert 'llamaparse_done_total{status="success"} 1.0' in metrics
    assert "llamaparse_worker_starts_total 1.0" in metrics
    assert 'llamaparse_worker_jobs_total{mode="fast",outcome="completed"} 1.0' in metrics


def test_healthcheck_says_whether_a_daemon_lives_there(tmp_path: Path) -> None:
    env = environment(tmp_path)

    with daemon(env, tmp_path) as running:
        port = running.base_url.rpartition(":")[2]
        assert command(["healthcheck", "--port", port], env).returncode == 0
    assert command(["healthcheck", "--port", port], env).returncode == 1


def test_check_says_of_every_component_what_works(tmp_path: Path) -> None:
    done = command(["check"], environment(tmp_path))

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "ok      broker embedded",
        "ok      jobs sqlite",
        "ok      objects filesystem",
        "ok      parser processes",
        "ok      parser sandbox",
        "ok      spool",
    ]


def test_check_names_what_does_not_work_and_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: a connection is refused
        port = nobody.getsockname()[1]
        env = environment(
            tmp_path,
            {
                "DATABASE_URL": f"postgresql://worker:hidden-word@127.0.0.1:{port}/jobs",
                "JOB_QUEUE_ENDPOINT": f"amqp://127.0.0.1:{port}",
                "JOB_QUEUE_CONNECT_TIMEOUT_SECONDS": "1",
            },
        )
        done = command(["check"], env)

    assert done.returncode == 69
    assert "FAILED  broker rabbitmq" in done.stdout
    assert "FAILED  jobs postgres" in done.stdout
    assert "ok      objects filesystem" in done.stdout
    assert "hidden-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_check_says_that_the_spool_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = command(["check"], environment(tmp_path, {"SPOOL_DIR": str(tmp_path / "file" / "spool")}))

    assert done.returncode == CONFIGURATION
    assert f"FAILED  spool: SPOOL_DIR {tmp_path}/file/spool cannot be written" in done.stdout
    assert "Traceback" not in done.stderr
