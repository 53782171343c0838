"""A pace finds a quota that nobody has told it, with few refusals."""

from __future__ import annotations

import pytest

from llamaparse_worker.throttle.pace import START, Pace
from support.quota import Provider, course

BURSTS_S = [60.0, 10.0, 1.0]
"""What an unused quota saves up: providers differ."""
_MOST_REFUSED = 0.03
_LEAST_USED = 0.9
_CAP = 250


@pytest.mark.parametrize("burst_s", BURSTS_S)
def test_steady_quota_is_used_with_few_refusals(burst_s: float) -> None:
    quota = 1e6
    seen = course(Provider(quota, burst_s=burst_s), Pace(_CAP), calls=6000, until=600)
    assert seen.per_minute(120, 600) >= _LEAST_USED * quota
    assert 0 < seen.refused_share <= _MOST_REFUSED


@pytest.mark.parametrize("burst_s", BURSTS_S)
def test_quota_that_falls_to_an_eighth_is_found(burst_s: float) -> None:
    seen = course(Provider(4e6, burst_s=burst_s), Pace(_CAP), calls=9000, until=600, changes=[(60, 0.5e6)])
    assert seen.per_minute(180, 600) >= _LEAST_USED * 0.5e6
    assert seen.refused_share <= _MOST_REFUSED


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("burst_s", [60.0, 10.0])
def test_quota_that_rises_is_used_within_half_a_minute(burst_s: float, factor: int) -> None:
    quota = factor * 0.5e6
    seen = course(Provider(0.5e6, burst_s=burst_s), Pace(_CAP), calls=20_000, until=300, changes=[(200, quota)])
    answered_with_latency = 8
    assert seen.per_minute(230 + answered_with_latency, 300) >= _LEAST_USED * quota
    assert seen.refused_share <= _MOST_REFUSED


def test_without_a_quota_all_calls_that_may_run_do() -> None:
    seen = course(Provider(1e12, burst_s=60), Pace(_CAP), calls=4000, until=200)
    assert seen.refused == 0
    assert len(seen.answers) == 4000
    assert seen.answers[-1][0] < 4000 / _CAP * 8 * 1.5


def test_cap_is_never_passed() -> None:
    pace = Pace(5)
    for _ in range(100):
        pace.answered(running=5)
    assert pace.at_once == 5
    assert Pace(1000).at_once == START


def test_nothing_starts_in_the_pause_that_was_asked_for() -> None:
    pace = Pace(10)
    start = pace.started(100.0, 2000)
    pace.refused(100.1, start, pause_s=7)
    assert pace.opens_at(100.2) >= 107.1


def test_one_call_goes_ahead_after_a_pause() -> None:
    pace = Pace(100)
    starts = [pace.started(at / 10, 2000) for at in range(100)]
    pace.refused(10.0, starts[-1], pause_s=5)
    assert pace.opens_at(15.0) <= 15.0
    pace.started(15.0, 2000)
    assert pace.opens_at(15.0) >= 15.5


def test_first_call_that_is_refused_does_not_stop_the_pace_for_ever() -> None:
    pace = Pace(100)
    pace.refused(0.1, pace.started(0.0, 3000), pause_s=1)
    pace.started(1.2, 3000)
    assert pace.opens_at(1.2) <= 1.2 + 10


def test_rate_that_nobody_uses_does_not_rise() -> None:
    pace = Pace(100)
    starts = [pace.started(at / 2, 2000) for at in range(60)]
    pace.refused(30.0, starts[-1], pause_s=1)
    rate = pace.rate(30.0)
    for second in range(31, 300):
        pace.idle(float(second))
    assert rate is not None
    assert pace.rate(300.0) == pytest.approx(rate, rel=0.05)
