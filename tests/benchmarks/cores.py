"""What a second parser process adds: the whole way and the command line, with one and with two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import command_line, whole_way
from benchmarks.figures import Figure, at_least
from benchmarks.tree import Usage

_SLOTS = 8
_REPEATS = 2
"""The best counts: what other programs take of a core says nothing of the worker."""


def through_queue(services: whole_way.Services, load: whole_way.Load, state: Path) -> list[Figure]:
    """Send the load through daemons with one and with two parser processes."""

    def passage(folder: Path, only: Mapping[str, str]) -> Usage:
        return whole_way.file_store(services, load, slots=_SLOTS, state=folder, more=only).daemon

    scenario = f"queue to stored result, {len(load.files)} documents, {_SLOTS} at once"
    return _compared(scenario, passage, load.pages, state / "queue")


def by_command(load: whole_way.Load, state: Path) -> list[Figure]:
    """Parse the load with commands of one and of two parser processes; their start counts."""

    def command(folder: Path, only: Mapping[str, str]) -> Usage:
        return command_line.parse(load.files, folder, only)

    return _compared(f"parse, {len(load.files)} documents", command, load.pages, state / "parse")


def _compared(
    scenario: str, measure: Callable[[Path, Mapping[str, str]], Usage], pages: int, state: Path
) -> list[Figure]:
    runs: dict[int, list[Usage]] = {1: [], 2: []}
    for at in range(_REPEATS):  # in turn, so that both meet the same neighbours
        for processes, done in runs.items():
            folder = state / f"{processes}-{at}"
            folder.mkdir(parents=True)
            done.append(measure(folder, {"PARSER_CONCURRENCY": str(processes)}))
    one, two = (pages / min(run.wall_s for run in done) * 60 for done in runs.values())
    alone, beside = (min(run.cpu_s for run in done) / pages * 1000 for done in runs.values())
    scenario = f"{scenario}, with one parser process and with two"
    return [
        Figure(scenario, "throughput with one", one, "pages/min"),
        Figure(scenario, "throughput with two", two, "pages/min"),
        Figure(scenario, "throughput with two, as a multiple of one", two / one, "x", at_least(1.8)),
        Figure(scenario, "CPU of the tree with two, as a multiple of one", beside / alone, "x"),
    ]
