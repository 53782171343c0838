"""The judge itself: each promise that may be broken is found broken, and a good run is found good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from faults.history import RESULT_FILES, Accepted, Called, History, Letter, Row, Told, Turn, violations

T0 = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN, OTHER = "aaaaaaaa-1", "bbbbbbbb-2"


def turn(second: int, was: str | None, status: str, attempt: int, token: str | None, until: int | None = None) -> Turn:
    lease_was_until = None if until is None else T0 + timedelta(seconds=until)
    at = T0 + timedelta(seconds=second)
    return Turn(at=at, job="a", was=was, status=status, attempt=attempt, token=token, lease_was_until=lease_was_until)


def good() -> History:
    """A job whose first worker died."""
    return History(
        accepted={"a": Accepted(id="a", mark="word", pages=2)},
        turns=[
            turn(0, None, "RUNNING", 1, TOKEN),
            turn(9, "RUNNING", "PENDING", 1, None, until=5),
            turn(10, "PENDING", "RUNNING", 2, OTHER),
            turn(11, "RUNNING", "COMPLETED", 2, None, until=15),
        ],
        rows={"a": Row(status="COMPLETED", attempt=2, result_prefix="out/a/2-bbbbbbbb")},
        texts={"a": "a word"},
        files=frozenset(f"out/a/2-bbbbbbbb/{name}" for name in RESULT_FILES) | {"out/a/1-aaaaaaaa/result.md"},
        events=[Told("e", "a", "COMPLETED"), Told("e", "a", "COMPLETED")],
        letters=[],
        calls=[Called("e", "a", "parse.success"), Called("e", "a", "parse.success")],
        pages_read={"a": [1, 1, 2]},
    )


def test_a_good_run_is_good() -> None:
    assert violations(good(), max_attempts=2) == []
    assert good().wasted_share == 0.5


BROKEN: dict[str, Callable[[History], History]] = {
    "is lost: no row": lambda run: replace(run, rows={}),
    "is lost: RUNNING": lambda run: replace(run, rows={"a": replace(run.rows["a"], status="RUNNING")}),
    "was never published": lambda run: replace(run, rows={**run.rows, "b": run.rows["a"]}),
    "did not end once": lambda run: replace(run, turns=[*run.turns, turn(12, "COMPLETED", "RUNNING", 3, TOKEN)]),
    "another lease was live": lambda run: replace(
        run, turns=[run.turns[0], turn(3, "RUNNING", "RUNNING", 2, OTHER, until=5), run.turns[3]]
    ),
    "began attempt 3 of 2": lambda run: replace(
        run, turns=[*run.turns[:2], replace(run.turns[2], attempt=3), run.turns[3]]
    ),
    "is FAILED": lambda run: replace(run, rows={"a": replace(run.rows["a"], status="FAILED")}),
    "points to a result of": lambda run: replace(run, files=frozenset(sorted(run.files)[1:3])),
    "the result of another document": lambda run: replace(run, texts={"a": "another"}),
    "a stale write was accepted": lambda run: replace(
        run,
        rows={"a": replace(run.rows["a"], result_prefix="out/a/1-aaaaaaaa")},
        files=frozenset(f"out/a/1-aaaaaaaa/{name}" for name in RESULT_FILES),
    ),
    "was told as []": lambda run: replace(run, events=[]),
    "was told as [('e', 'COMPLETED'), ('f', 'COMPLETED')]": lambda run: replace(
        run, events=[*run.events, Told("f", "a", "COMPLETED")]
    ),
    "was told as [('e', 'FAILED')]": lambda run: replace(run, events=[Told("e", "a", "FAILED")]),
    "its webhook heard []": lambda run: replace(run, calls=[]),
    "its webhook heard [('e', 'parse.error')]": lambda run: replace(run, calls=[Called("e", "a", "parse.error")]),
    "its webhook heard [('e', 'parse.success'), ('f', 'parse.success')]": lambda run: replace(
        run, calls=[*(run.calls or ()), Called("f", "a", "parse.success")]
    ),
    "is innocent": lambda run: replace(run, letters=[Letter("a", "ATTEMPTS_EXHAUSTED")]),
}


@pytest.mark.parametrize("found", BROKEN)
def test_a_broken_promise_is_found(found: str) -> None:
    assert any(found in violation for violation in violations(BROKEN[found](good()), max_attempts=2))
