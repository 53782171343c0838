"""The dead-letter queue by the command line, as an operator works on it, over both brokers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from llamaparse_worker.backends.broker.embedded.broker import open_embedded
from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.backends.broker.rabbitmq.broker import open_rabbitmq
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.interfaces import Broker, Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.testing.reader import script
from support.daemon import command, daemon, environment, scripted, until
from support.services import Postgres, RabbitMq

HOSTILE = Message(b'{"job_id": "\x1b[2J"}', "m-\x1b[31m")


@pytest.fixture(params=["embedded", "services"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment in which the loss of one worker uses up a job's attempts."""
    more = {
        "JOB_MAX_ATTEMPTS": "1",
        "JOB_LEASE_SECONDS": "2",
        "SWEEP_INTERVAL_SECONDS": "0.2",
        "LOG_FORMAT": "json",
    }
    if request.param == "services":
        rabbitmq: RabbitMq = request.getfixturevalue("rabbitmq")
        postgres: Postgres = request.getfixturevalue("postgres")
        more |= {
            "JOB_QUEUE_ENDPOINT": rabbitmq.amqp_url,
            "JOB_QUEUE_USERNAME": rabbitmq.username,
            "JOB_QUEUE_PASSWORD": rabbitmq.password,
            "JOB_QUEUE_NAME": f"jobs-{uuid.uuid4().hex}",
            "DATABASE_URL": postgres.database(),
        }
    return environment(tmp_path, {**scripted(tmp_path), **more})


def opened(env: dict[str, str]) -> AbstractAsyncContextManager[Broker]:
    """Open the queue of an environment in this process."""
    if "JOB_QUEUE_ENDPOINT" not in env:
        return open_embedded(EmbeddedQueueSettings(sqlite_path=Path(env["SQLITE_PATH"])))
    return open_rabbitmq(
        RabbitMqSettings(
            job_queue_endpoint=env["JOB_QUEUE_ENDPOINT"],
            job_queue_username=env["JOB_QUEUE_USERNAME"],
            job_queue_password=SecretStr(env["JOB_QUEUE_PASSWORD"]),
            job_queue_name=env["JOB_QUEUE_NAME"],
        )
    )


def bury(env: dict[str, str], messages: Sequence[Message]) -> None:
    """Make dead letters of messages, as a worker does."""

    async def bury_all() -> None:
        async with opened(env) as broker:
            for message in messages:
                await broker.publish(message)
            async with broker.consume(prefetch=1) as deliveries:
                for _ in messages:
                    delivery = await anext(deliveries)
                    await delivery.dead_letter(
                        Death(code="INVALID_JOB", message="no\x1b[2J job", at=datetime.now(tz=UTC), worker="w-1")
                    )

    anyio.run(bury_all)


def listed(env: dict[str, str], *arguments: str) -> list[dict[str, object]]:
    done = command(["deadletters", "list", "--json", *arguments], env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def status_of(env: dict[str, str], job: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(command(["status", job, "--json"], env).stdout)
    return found


def test_a_job_that_lost_its_worker_is_found_retried_and_completed(tmp_path: Path, env: dict[str, str]) -> None:
    document = tmp_path / "document"
    document.write_bytes(script("slow 3"))
    with daemon(env, tmp_path) as lost:
        job = str(json.loads(command(["submit", str(document), "--json"], env).stdout)["job"])
        lost.wait_event("job.started")
        lost.kill()

    with daemon(env, tmp_path) as running:
        until(lambda: len(listed(env)) == 1, 30, why=running.log)
        (letter,) = listed(env)
        shown = command(["deadletters", "show", job], env).stdout
        retried = command(["deadletters", "retry", job], env)
        until(lambda: status_of(env, job)["status"] == "COMPLETED", 30, why=running.log)

    assert (letter["job"], letter["code"], letter["attempts"]) == (job, "ATTEMPTS_EXHAUSTED", 1)
    assert letter["died_at"]
    assert letter["worker"]
    assert f'"source": "uploads/{job}/source"' in shown
    assert "FAILED, attempt 1, document, ATTEMPTS_EXHAUSTED" in shown
    assert (retried.returncode, retried.stdout) == (0, f"{job}  queued again\n")
    assert status_of(env, job)["attempt"] == 2, "the number names a result folder: it counts on"
    assert listed(env) == []
    again = command(["deadletters", "retry", job], env)
    assert (again.returncode, again.stdout, again.stderr) == (65, "", f"there is no dead letter of {job}\n")


def test_listing_is_bounded_and_leaves_the_queue_as_it_is(env: dict[str, str]) -> None:
    bury(env, [Message(b"{}", f"m-{number}") for number in range(4)])

    all_at_once = command(["deadletters", "list", "--limit", "4"], env)
    some = command(["deadletters", "list", "--limit", "3"], env)

    rows = [line.split("  ") for line in all_at_once.stdout.splitlines()]
    assert [(row[0], row[2], row[3], row[4]) for row in rows] == [
        (f"m-{number}", "INVALID_JOB", "0", "w-1") for number in range(4)
    ]
    assert all_at_once.stderr == ""
    assert some.stdout == "".join(f"{line}\n" for line in all_at_once.stdout.splitlines()[:3])
    assert some.stderr == "there are more: --limit shows more than 3\n"
    assert [row["job"] for row in listed(env)] == ["m-0", "m-1", "m-2", "m-3"]


def test_what_webhooks_are_called_with_is_not_shown(env: dict[str, str]) -> None:
    webhook = {"url": "https://hooks.example/", "headers": {"A": "k9x"}, "signing_secret": "k9x"}
    v2 = {"webhook_url": "https://hooks.example/", "webhook_headers": {"A": "k9x"}, "webhook_signing_secret": "k9x"}
    body = {"job_id": "hooked", "webhooks": [webhook], "configuration": {"webhook_configurations": [v2]}}
    bury(env, [Message(json.dumps(body).encode(), "hooked")])

    shown = command(["deadletters", "show", "hooked"], env).stdout

    assert shown.count('"https://hooks.example/"') == 2
    assert shown.count('"(hidden)"') == 4
    assert "k9x" not in shown


def test_dead_letters_are_dropped_by_name_or_all_with_a_word(env: dict[str, str]) -> None:
    bury(env, [Message(b"{}", f"m-{number}") for number in range(4)])

    named = command(["deadletters", "drop", "m-2", "m-9"], env)
    unsure = command(["deadletters", "drop", "--all"], env)
    nothing = command(["deadletters", "drop"], env)
    left = [row["job"] for row in listed(env)]
    everything = command(["deadletters", "drop", "--all", "--yes"], env)

    assert (named.returncode, named.stdout) == (65, "m-2  dropped\n")
    assert named.stderr == "there is no dead letter of m-9\n"
    assert (unsure.returncode, nothing.returncode) == (64, 64)
    assert "--yes" in unsure.stderr
    assert left == ["m-0", "m-1", "m-3"]
    assert (everything.returncode, everything.stdout.splitlines()) == (0, [f"m-{n}  dropped" for n in (0, 1, 3)])
    assert listed(env) == []


def test_nothing_in_a_message_reaches_the_terminal_as_a_command(env: dict[str, str]) -> None:
    bury(env, [HOSTILE])

    outputs = [
        command(["deadletters", *arguments], env)
        for arguments in (["list"], ["list", "--json"], ["show", HOSTILE.id], ["retry", "--all"])
    ]

    assert [done.returncode for done in outputs] == [0, 0, 0, 0]
    for done in outputs:
        assert done.stdout
        assert "\x1b" not in done.stdout + done.stderr
    assert "queued as it came" in outputs[-1].stdout
    assert listed(env) == []


def test_a_broker_that_is_away_is_told_by_the_exit_status(tmp_path: Path) -> None:
    env = environment(tmp_path, {"JOB_QUEUE_ENDPOINT": "amqp://127.0.0.1:9"})

    done = command(["deadletters", "retry", "--all"], env)

    assert (done.returncode, done.stdout) == (69, "")
    assert "BACKEND_UNAVAILABLE" in done.stderr
