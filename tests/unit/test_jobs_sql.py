"""The pure parts of the SQL job store."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.backends.jobs.postgres.database import positional
from llamaparse_worker.backends.jobs.sql import statements
from llamaparse_worker.backends.jobs.sql.migrations import read_migrations
from llamaparse_worker.backends.jobs.sql.rows import EventRow, JobRow, clean
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.webhook import WebhookEvent
from llamaparse_worker.wire import JobEvent

_BACKENDS = ["llamaparse_worker.backends.jobs.postgres", "llamaparse_worker.backends.jobs.sqlite"]
_STATEMENTS = [text for name, text in vars(statements).items() if name.isupper()]


@pytest.mark.parametrize("package", _BACKENDS)
def test_the_steps_of_a_schema_are_numbered_without_gaps(package: str) -> None:
    steps = read_migrations(package)

    assert [step.version for step in steps] == list(range(1, len(steps) + 1))
    assert steps[0].name == "0001_jobs"


def test_both_backends_have_the_same_steps() -> None:
    first, second = ([(step.version, step.name) for step in read_migrations(package)] for package in _BACKENDS)

    assert first == second


def test_named_placeholders_become_numbers_and_casts_stay() -> None:
    query, names = positional("UPDATE t SET a = :a, b = :b_c::text WHERE a <> :a")

    assert query == "UPDATE t SET a = $1, b = $2::text WHERE a <> $1"
    assert names == ("a", "b_c")


@pytest.mark.parametrize("statement", _STATEMENTS)
def test_no_statement_keeps_a_named_placeholder(statement: str) -> None:
    query, names = positional(statement)

    assert ":" not in query
    assert query.count("$") >= len(names)
    assert sqlite3.complete_statement(statement + ";")


@given(st.text(alphabet=st.characters(codec=None)))
def test_cleaned_text_can_be_stored_and_keeps_its_other_characters(text: str) -> None:
    found = clean(text)

    assert "\0" not in found
    assert found.encode().decode() == found
    if "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text):
        assert found == text


def test_nul_and_lone_surrogates_become_replacement_characters() -> None:
    assert clean("a\0b\ud800c") == "a\ufffdb\ufffdc"


def test_an_ended_row_gives_the_event_of_its_status() -> None:
    row = EventRow(
        id="j1",
        status=JobStatus.FAILED,
        attempt=3,
        project="p",
        tenant=None,
        result_prefix=None,
        error_code="ATTEMPTS_EXHAUSTED",
        error_message="none of 3",
        pages_total=9,
        pages_done=4,
        pages_failed=1,
        body=b'{"job_id": "j1", "source": "a.pdf", "webhooks": [{"url": "https://hooks.example/"}]}',
    )

    event, again = row.event(), row.event()

    assert event.kind == "job.failed"
    assert event.id != again.id
    assert [(call.host, call.event) for call in event.calls] == [("hooks.example", WebhookEvent.ERROR)]
    told = JobEvent.model_validate_json(event.body)
    assert (told.job_id, told.attempt, told.error_code, told.pages.done) == ("j1", 3, "ATTEMPTS_EXHAUSTED", 4)


@pytest.mark.parametrize("stored", [1_893_456_000.25, datetime(2030, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)])
def test_seconds_and_timestamps_are_the_same_moment(stored: float | datetime) -> None:
    row = JobRow.model_validate(
        {
            "id": "j1",
            "status": "PENDING",
            "attempt": 0,
            "project": "p",
            "tenant": None,
            "file_name": "a.pdf",
            "output_prefix": "results",
            "created_at": stored,
            "updated_at": stored,
            "result_prefix": None,
            "error_code": None,
            "error_message": None,
            "pages_total": 0,
            "pages_done": 0,
            "pages_failed": 0,
            "page_errors": "[]",
            "usage": "{}",
            "next_run_at": None,
            "lease_until": None,
            "retry_reason": None,
        }
    )

    assert row.record().created_at == datetime(2030, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
