from __future__ import annotations

import time

import pytest

from llamaparse_worker.pipeline.busy_time import BusyTime


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_blocks_that_overlap_are_counted_once_and_pauses_not_at_all(clock: list[float]) -> None:
    busy = BusyTime()
    with busy.block():
        clock[0] += 1
        with busy.block():
            clock[0] += 2
        clock[0] += 3
    clock[0] += 50
    with busy.block():
        clock[0] += 4

    assert busy.seconds == 10


def test_a_block_that_fails_is_counted(clock: list[float]) -> None:
    busy = BusyTime()

    def fail() -> None:
        with busy.block():
            clock[0] += 5
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert busy.seconds == 5
