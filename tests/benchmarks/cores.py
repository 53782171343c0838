"""What a second core adds: the whole way and the command line, held to one core and to two.

Held is the whole tree of the worker, with its default settings for so many cores. The servers beside it run where they
like: beside the worker on one of two cores, and on the other one when it is held to one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import command_line, whole_way
from benchmarks.figures import Figure, at_least
from benchmarks.tree import Usage

_SLOTS = 8
_REPEATS = 2
"""The best counts: what other programs take of a core says nothing of the worker."""


def through_queue(services: whole_way.Services, load: whole_way.Load, state: Path) -> list[Figure]:
    """Send the load through daemons on one core and on two."""

    def passage(folder: Path) -> Usage:
        return whole_way.file_store(services, load, slots=_SLOTS, state=folder).daemon

    scenario = f"queue to stored result, {len(load.files)} documents, {_SLOTS} at once"
    return _compared(scenario, passage, load.pages, state / "queue")


def by_command(load: whole_way.Load, state: Path) -> list[Figure]:
    """Parse the load with commands on one core and on two; their start counts."""

    def command(folder: Path) -> Usage:
        return command_line.parse(load.files, folder)

    return _compared(f"parse, {len(load.files)} documents", command, load.pages, state / "parse")


def _compared(scenario: str, measure: Callable[[Path], Usage], pages: int, state: Path) -> list[Figure]:
    runs: dict[int, list[Usage]] = {1: [], 2: []}
    for at in range(_REPEATS):  # in turn, so that both meet the same neighbours
        for cores, done in runs.items():
            folder = state / f"{cores}-{at}"
            folder.mkdir(parents=True)
            with held_to(cores):
                done.append(measure(folder))
    one, two = (pages / min(run.wall_s for run in done) * 60 for done in runs.values())
    alone, beside = (min(run.cpu_s for run in done) / pages * 1000 for done in runs.values())
    scenario = f"{scenario}, on one core and on two"
    return [
        Figure(scenario, "throughput on one", one, "pages/min"),
        Figure(scenario, "throughput on two", two, "pages/min"),
        Figure(scenario, "throughput on two, as a multiple of one", two / one, "x", at_least(1.8)),
        Figure(scenario, "CPU of the tree on two, as a multiple of one", beside / alone, "x"),
    ]


@contextmanager
def held_to(cores: int) -> Iterator[None]:
    """Hold what this thread starts meanwhile to so many of its cores."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(usable)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)
