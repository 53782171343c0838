"""Whatever befalls workers, network and clock: each job ends once, with one result and one event, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.run import simulate

REGRESSIONS = (
    5169,  # a late confirmation of a publisher ended the wait of a job that a drain had given back meanwhile: lost
    6943,
    7779,
    8199,
    1783,  # a file sent before a drain arrived after the next attempt, of the same number, had finished
)


def test_every_promise_is_kept(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        report = simulate(seed, tmp_path)
        if report.violations:
            pytest.fail(str(report), pytrace=False)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_broke_a_promise_once_does_so_no_more(seed: int, tmp_path: Path) -> None:
    report = simulate(seed, tmp_path)

    assert not report.violations, str(report)


@pytest.mark.parametrize("seed", [4, 7, 1783])
def test_a_seed_replays_exactly(seed: int, tmp_path: Path) -> None:
    first = simulate(seed, tmp_path)
    simulate(seed + 1, tmp_path)
    second = simulate(seed, tmp_path)

    assert str(first) == str(second)
    assert first.steps == second.steps
