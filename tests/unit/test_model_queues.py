"""Turns share out by weight, the most urgent first, and never leave a queue out."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import RANGES, WEIGHTS, Queue, Turns, queue_name

ROUND = sum(WEIGHTS.values())
QUEUES = (*Priority, RANGES)


def taken(turns: Turns, full: frozenset[Queue], count: int) -> list[Queue]:
    """Take from queues that always have messages."""
    found = []
    for _ in range(count):
        queue = next(one for one in turns.order() if one in full)
        turns.took(queue)
        found.append(queue)
    return found


def test_a_round_gives_each_its_weight_and_the_urgent_first() -> None:
    found = taken(Turns(), frozenset(QUEUES), ROUND)

    assert Counter(found) == WEIGHTS
    assert found == sorted(found, key=list(WEIGHTS).index)


@given(full=st.frozensets(st.sampled_from(QUEUES), min_size=1), before=st.lists(st.sampled_from(QUEUES)))
def test_no_queue_waits_longer_than_a_round_whatever_was_taken_before(
    full: frozenset[Queue], before: list[Queue]
) -> None:
    turns = Turns()
    for queue in before:
        turns.took(queue)

    assert set(taken(turns, full, 2 * ROUND)) == full
    most = sum(WEIGHTS[queue] for queue in full)
    assert Counter(taken(turns, full, 2 * most))[min(full, key=lambda one: WEIGHTS[one])] >= 1


def test_an_urgent_message_comes_first_after_any_number_of_others() -> None:
    turns = Turns()
    taken(turns, frozenset({Priority.LOW}), 1000)

    assert taken(turns, frozenset({Priority.CRITICAL, Priority.LOW}), 1) == [Priority.CRITICAL]


@given(before=st.lists(st.sampled_from(QUEUES)), job=st.sampled_from(Priority))
def test_a_page_range_is_followed_by_a_job_whatever_was_taken_before(before: list[Queue], job: Priority) -> None:
    turns = Turns()
    for queue in (*before, RANGES):
        turns.took(queue)

    assert taken(turns, frozenset({job, RANGES}), 1) == [job]


def test_all_queues_have_the_family_name_as_prefix() -> None:
    names = [queue_name("jobs", queue) for queue in QUEUES]

    assert names == ["jobs_low", "jobs", "jobs_high", "jobs_critical", "jobs_ranges"]
