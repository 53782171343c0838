"""Every outcome of an attempt has one settlement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.errors import (
    BackendUnavailable,
    CorruptDocument,
    InvalidJob,
    ModelsMisconfigured,
    ModelsUnavailable,
    StorageFull,
    WorkerError,
    every_error,
)
from llamaparse_worker.model.job import JobResult, JobStatus, Refusal
from llamaparse_worker.model.ranges import PageRange, Split
from llamaparse_worker.worker.settlement import (
    UNSERVED_DELAY_S,
    Acknowledge,
    Broke,
    DeadLetter,
    Ended,
    HandOver,
    Malformed,
    NotClaimed,
    Postpone,
    RetryLater,
    RetryPolicy,
    Stopped,
    TooLarge,
    settle,
)

POLICY = RetryPolicy(max_attempts=3, delay_s=10)


def test_a_malformed_message_goes_to_the_dead_letters_with_its_reason() -> None:
    settlement = settle(Malformed(InvalidJob("source: missing")), attempt=0, policy=POLICY)
    assert isinstance(settlement, DeadLetter)
    assert (settlement.error.code, settlement.error.message) == ("INVALID_JOB", "source: missing")


@pytest.mark.parametrize("refusal", [Refusal.FINISHED, Refusal.HELD])
def test_a_job_that_others_carry_is_acknowledged_without_work(refusal: Refusal) -> None:
    assert settle(NotClaimed(refusal), attempt=0, policy=POLICY) == Acknowledge()


def test_a_job_that_was_put_off_leaves_the_queue() -> None:
    assert settle(NotClaimed(Refusal.POSTPONED), attempt=0, policy=POLICY) == Postpone()


def test_a_job_that_lost_every_worker_goes_to_the_dead_letters() -> None:
    settlement = settle(NotClaimed(Refusal.EXHAUSTED), attempt=0, policy=POLICY)
    assert isinstance(settlement, Acknowledge)
    assert settlement.letter is not None
    assert settlement.letter.code == "ATTEMPTS_EXHAUSTED"


def test_a_finished_attempt_writes_its_result_before_the_message_goes() -> None:
    result = JobResult(status=JobStatus.COMPLETED, result_prefix="results/j/1")
    assert settle(Ended(result), attempt=1, policy=POLICY) == Acknowledge(result)


def test_a_document_too_large_for_one_is_handed_over_to_its_page_ranges() -> None:
    split = Split((PageRange(1, 500), PageRange(501, 900)), 900)
    assert settle(TooLarge(split), attempt=1, policy=POLICY) == HandOver(split)


def test_a_transient_error_is_retried_with_growing_delay() -> None:
    delays = []
    for attempt in (1, 2):
        settlement = settle(Broke(BackendUnavailable("away")), attempt=attempt, policy=POLICY)
        assert isinstance(settlement, RetryLater)
        delays.append(settlement.delay_s)
    assert delays == [10, 20]


def test_a_transient_error_on_the_last_attempt_fails_the_job_and_keeps_its_message() -> None:
    settlement = settle(Broke(StorageFull("full")), attempt=3, policy=POLICY)
    assert isinstance(settlement, Acknowledge)
    assert settlement.result is not None
    assert settlement.result.status is JobStatus.FAILED
    assert settlement.letter is not None
    assert settlement.letter.code == "STORAGE_FULL"


def test_a_permanent_error_fails_the_job_at_once() -> None:
    settlement = settle(Broke(CorruptDocument("torn")), attempt=1, policy=POLICY)
    assert isinstance(settlement, Acknowledge)
    assert settlement.result is not None
    assert settlement.result.error is not None
    assert settlement.result.error.code == "PDF_IS_BROKEN"
    assert settlement.letter is None


def test_a_stopped_attempt_is_left_to_its_new_owner() -> None:
    assert settle(Stopped(), attempt=1, policy=POLICY) == Acknowledge()


_UNCHARGED = (ModelsUnavailable, ModelsMisconfigured)


@given(kind=st.sampled_from(_UNCHARGED), attempt=st.integers(1, 5), most=st.integers(1, 5))
def test_a_job_that_no_model_can_serve_waits_and_is_charged_nothing(
    kind: type[ModelsUnavailable], attempt: int, most: int
) -> None:
    settlement = settle(Broke(kind("all are away")), attempt=attempt, policy=RetryPolicy(most, 1))
    assert settlement == RetryLater(UNSERVED_DELAY_S, f"{kind.code}: all are away", charged=False)


_CHARGED = sorted(set(every_error()) - set(_UNCHARGED), key=lambda kind: kind.code)


@given(kind=st.sampled_from(_CHARGED), attempt=st.integers(1, 5), most=st.integers(1, 5))
def test_no_error_is_retried_beyond_the_last_attempt(kind: type[WorkerError], attempt: int, most: int) -> None:
    settlement = settle(Broke(kind("x")), attempt=attempt, policy=RetryPolicy(most, 1))
    retried = isinstance(settlement, RetryLater)
    assert retried == (kind.retryable and attempt < most)
    if not retried:
        assert isinstance(settlement, Acknowledge)
        assert settlement.result is not None
        assert settlement.result.status is JobStatus.FAILED
        assert (settlement.letter is not None) == kind.retryable
