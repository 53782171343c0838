from __future__ import annotations

import pytest

from llamaparse_worker.http.queue_status import NoSuchQueue, QueueStatus, QueueUnknown, queue_status
from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.model.job import StoreCounts

PREFIX = "parse_raw_file_job"
COUNTS = StoreCounts(running=50, delayed=3)


def queue(name: str = PREFIX, *, ready: int = 5, unacknowledged: int | None = 2, healthy: bool = True) -> QueueDepth:
    return QueueDepth(name, ready, unacknowledged, 1, healthy=healthy)


@pytest.mark.parametrize(("store_shared", "in_flight"), [(False, 4), (True, 50)])
def test_jobs_in_flight_count_once_by_whoever_knows_more(*, store_shared: bool, in_flight: int) -> None:
    status = queue_status([queue(), queue(f"{PREFIX}.high")], COUNTS, prefix=PREFIX, store_shared=store_shared)
    assert isinstance(status, QueueStatus)
    assert (status.ready, status.delayed, status.in_flight) == (10, 3, in_flight)
    assert status.total == 13 + in_flight


def test_one_silent_queue_makes_the_shared_store_count_for_all() -> None:
    depths = [queue(), queue(f"{PREFIX}.high", unacknowledged=None)]
    status = queue_status(depths, COUNTS, prefix=PREFIX, store_shared=True)
    assert isinstance(status, QueueStatus)
    assert status.in_flight == 50


def test_without_any_source_for_jobs_in_flight_there_is_no_number() -> None:
    status = queue_status([queue(ready=0, unacknowledged=None)], COUNTS, prefix=PREFIX, store_shared=False)
    assert isinstance(status, QueueUnknown)
    assert "JOB_QUEUE_MANAGEMENT_URL" in status.reason


def test_an_unhealthy_queue_makes_the_total_unknown_and_is_named() -> None:
    status = queue_status([queue(), queue(f"{PREFIX}.low", healthy=False)], COUNTS, prefix=PREFIX, store_shared=True)
    assert isinstance(status, QueueUnknown)
    assert f"{PREFIX}.low" in status.reason


def test_queues_beside_the_prefix_do_not_count() -> None:
    other = queue("extract_job", healthy=False)
    status = queue_status([queue(), other], COUNTS, prefix=PREFIX, store_shared=False)
    assert isinstance(status, QueueStatus)
    assert status.total == 10


def test_a_prefix_without_a_queue_is_not_zero() -> None:
    assert queue_status([queue()], COUNTS, prefix="parse_rwa", store_shared=True) == NoSuchQueue("parse_rwa")
