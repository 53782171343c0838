"""The simulation finds what it is for: each planted bug within a few seeds, told in the right words."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.planted import PLANTED
from simulation.run import simulate

MOST_SEEDS = 200


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, tmp_path: Path) -> None:
    bug = PLANTED[name]
    seeds = range(bug.first_seed, bug.first_seed + MOST_SEEDS)
    reports = (simulate(seed, tmp_path, bug.parts) for seed in seeds)

    assert any(bug.told_as in violation for report in reports for violation in report.violations)
