"""Turns share out by weight, the most urgent first, and never leave a priority out."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import WEIGHTS, Turns, queue_name

ROUND = sum(WEIGHTS.values())


def taken(turns: Turns, full: frozenset[Priority], count: int) -> list[Priority]:
    """Take from queues that always have messages."""
    found = []
    for _ in range(count):
        priority = next(one for one in turns.order() if one in full)
        turns.took(priority)
        found.append(priority)
    return found


def test_a_round_gives_each_its_weight_and_the_urgent_first() -> None:
    found = taken(Turns(), frozenset(Priority), ROUND)

    assert Counter(found) == WEIGHTS
    assert found == sorted(found, key=list(WEIGHTS).index)


@given(full=st.frozensets(st.sampled_from(Priority), min_size=1), before=st.lists(st.sampled_from(Priority)))
def test_no_queue_waits_longer_than_a_round_whatever_was_taken_before(
    full: frozenset[Priority], before: list[Priority]
) -> None:
    turns = Turns()
    for priority in before:
        turns.took(priority)

    assert set(taken(turns, full, 2 * ROUND)) == full
    most = sum(WEIGHTS[priority] for priority in full)
    assert Counter(taken(turns, full, 2 * most))[min(full, key=lambda one: WEIGHTS[one])] >= 1


def test_an_urgent_message_comes_first_after_any_number_of_others() -> None:
    turns = Turns()
    taken(turns, frozenset({Priority.LOW}), 1000)

    assert taken(turns, frozenset({Priority.CRITICAL, Priority.LOW}), 1) == [Priority.CRITICAL]


def test_all_queues_have_the_family_name_as_prefix() -> None:
    names = {priority.value: queue_name("jobs", priority) for priority in Priority}

    assert names == {"low": "jobs_low", "medium": "jobs", "high": "jobs_high", "critical": "jobs_critical"}
