"""Breaker, budget and fair queue, each on a clock that the test moves."""

from __future__ import annotations

import pytest

from llamaparse_worker.throttle.breaker import Breaker
from llamaparse_worker.throttle.budget import Bucket, Budget
from llamaparse_worker.throttle.fair import FairClock, FairQueue


def _failing(count: int = 5) -> Breaker:
    breaker = Breaker()
    for second in range(count):
        breaker.started()
        breaker.failed(float(second))
    return breaker


def test_breaker_opens_after_five_failures_in_a_row() -> None:
    assert not _failing(4).is_open
    assert _failing(5).opens_at() == 4 + 5


def test_breaker_opens_when_most_calls_of_a_minute_fail() -> None:
    breaker = Breaker()
    for second, fails in enumerate([True, True, True, False, True, True]):
        breaker.started()
        (breaker.failed if fails else breaker.succeeded)(float(second))
    assert breaker.is_open


def test_old_failures_do_not_count() -> None:
    breaker = _failing(4)
    breaker.succeeded(5)
    breaker.failed(100)
    assert not breaker.is_open


def test_one_call_tries_a_failing_deployment() -> None:
    breaker = _failing()
    breaker.started()
    assert breaker.opens_at() == float("inf")
    breaker.succeeded(10)
    assert not breaker.is_open


def test_pause_doubles_up_to_a_minute() -> None:
    breaker, now, pauses = _failing(), 4.0, []
    for _ in range(6):
        pauses.append(breaker.opens_at() - now)
        now = breaker.opens_at()
        breaker.started()
        breaker.failed(now)
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_call_that_was_given_up_lets_another_try() -> None:
    breaker = _failing()
    breaker.started()
    breaker.gave_up()
    assert breaker.opens_at() == 9


def test_answer_to_what_was_asked_before_does_not_reopen_what_refuses_everything() -> None:
    breaker = Breaker()
    breaker.started()
    breaker.refused(0)
    breaker.succeeded(1)
    breaker.failed(2)
    assert (breaker.is_shut, breaker.opens_at()) == (True, 60)
    assert [breaker.wants_probe(now) for now in (59, 60)] == [False, True]
    breaker.started()
    assert not breaker.wants_probe(61)
    breaker.succeeded(61)
    assert not breaker.is_open


def test_bucket_gives_what_is_stated_and_no_more() -> None:
    bucket, now, taken = Bucket(600), 0.0, 0
    while now < 60:
        now = bucket.ready_at(now, 10)
        bucket.take(now, 10)
        taken += 10
    assert 600 <= taken <= 600 + 5 * 10 + 10


def test_call_larger_than_the_bucket_passes_as_a_debt() -> None:
    bucket = Bucket(60)
    assert bucket.ready_at(0.0, 1000) == 0.0
    bucket.take(0.0, 1000)
    assert bucket.ready_at(0.0, 1) == pytest.approx(996, abs=1)


def test_budget_takes_back_what_a_call_has_not_cost() -> None:
    budget = Budget(tokens=Bucket(60_000))
    budget.reserve(0.0, 5000)
    assert budget.ready_at(0.0, 5000) == pytest.approx(5.0)
    budget.correct(0.0, reserved=5000, spent=1000)
    assert budget.ready_at(0.0, 5000) == pytest.approx(1.0)


def test_budget_waits_for_requests_as_well() -> None:
    budget = Budget(requests=Bucket(60))
    for _ in range(5):
        budget.reserve(0.0, 1)
    assert budget.ready_at(0.0, 1) == pytest.approx(1.0)


def test_page_of_a_small_document_is_not_behind_all_pages_of_a_large_one() -> None:
    clock, queue = FairClock(), FairQueue[str]()
    for number in range(1000):
        queue.push(clock.tag("large", 2000), f"large {number}")
    for _ in range(10):
        clock.reached(queue.first()[0])
        queue.pop()
    queue.push(clock.tag("small", 2000), "small 0")
    assert "small 0" in {queue.pop() for _ in range(2)}


def test_documents_share_by_tokens() -> None:
    clock, queue = FairClock(), FairQueue[str]()
    for _ in range(100):
        queue.push(clock.tag("cheap", 1000), "cheap")
        queue.push(clock.tag("dear", 3000), "dear")
    first = [queue.pop() for _ in range(40)]
    assert first.count("cheap") == pytest.approx(3 * first.count("dear"), abs=3)


def test_refused_call_keeps_its_place() -> None:
    clock, queue = FairClock(), FairQueue[str]()
    tags = [clock.tag("one", 100) for _ in range(3)]
    for number, tag in enumerate(tags):
        queue.push(tag, str(number))
    queue.pop()
    queue.push(tags[0], "0")
    assert queue.first() == (tags[0], "0")


def test_what_waits_can_be_taken_out() -> None:
    queue = FairQueue[str]()
    queue.push(1, "a")
    queue.push(2, "b")
    queue.remove("a")
    queue.remove("a")
    assert queue.pop() == "b"
    assert not queue


def test_flows_of_the_past_are_forgotten() -> None:
    clock = FairClock()
    for number in range(5000):
        clock.reached(clock.tag(f"document {number}", 10) + 10)
    assert clock.tag("document 0", 10) >= 10
