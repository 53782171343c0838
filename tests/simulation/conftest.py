"""Which seeds are run: SIMULATION_SEEDS says how many, ``--seed`` names one."""

from __future__ import annotations

import os

import pytest

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2500"))
"""By default as many as two cores run within a minute, beside the planted bugs."""
BLOCK = 50
"""Seeds of one test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="run this seed of the simulation alone, and show its history if it fails")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" in metafunc.fixturenames:
        seed = metafunc.config.getoption("--seed", default=None)
        blocks = [range(first, min(first + BLOCK, SEEDS)) for first in range(0, SEEDS, BLOCK)]
        given = blocks if seed is None else [range(seed, seed + 1)]
        metafunc.parametrize("seeds", given, ids=[f"{block.start}-{block.stop - 1}" for block in given])
