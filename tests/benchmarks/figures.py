"""Figures of a benchmark run: measured values with their targets, as a table and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

ROUNDS = 3
"""The best of so many counts, of the worker as of others: what other programs take of a core says nothing of them."""


class Bound(StrEnum):
    """On which side of its target a figure has to lie."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach."""

    bound: Bound
    value: float

    def met(self, value: float) -> bool:
        return value >= self.value if self.bound is Bound.AT_LEAST else value <= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    scenario: str
    name: str
    value: float
    unit: str
    target: Target | None = None


def at_least(value: float) -> Target:
    return Target(Bound.AT_LEAST, value)


def at_most(value: float) -> Target:
    return Target(Bound.AT_MOST, value)


def quantile(values: Iterable[float], share: float) -> float:
    """Give the value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def histogram_quantile(buckets: Sequence[tuple[float, float]], share: float) -> float:
    """Estimate a quantile from cumulative (upper bound, count) pairs, linear within its bucket, as Prometheus does."""
    rank = share * buckets[-1][1]
    below, lower = 0.0, 0.0
    for upper, count in buckets:
        if count >= rank and count > below:
            return lower if math.isinf(upper) else lower + (upper - lower) * (rank - below) / (count - below)
        below, lower = count, upper
    return lower


def table(figures: Sequence[Figure]) -> str:
    """Lay the figures out in columns, one block a scenario."""
    widest = max(len(figure.name) for figure in figures)
    lines: list[str] = []
    for scenario in dict.fromkeys(figure.scenario for figure in figures):
        lines.append(scenario)
        lines += [_line(figure, widest) for figure in figures if figure.scenario == scenario]
    return "\n".join(lines)


def write_json(figures: Sequence[Figure], path: Path, *, documents: int, pages: int) -> None:
    """Write the figures with what was measured where."""
    rows = [{**asdict(figure), "met": figure.target.met(figure.value) if figure.target else None} for figure in figures]
    about = {
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "documents": documents,
        "pages": pages,
    }
    path.write_text(json.dumps({"about": about, "figures": rows}, indent=1) + "\n")


def _line(figure: Figure, widest: int) -> str:
    value = f"{figure.value:,.0f}" if abs(figure.value) >= 100 else f"{figure.value:.4g}"
    line = f"  {figure.name:<{widest}} {value:>10} {figure.unit:<12}"
    if figure.target is None:
        return line.rstrip()
    verdict = "met" if figure.target.met(figure.value) else "MISSED"
    return f"{line} target {figure.target.bound} {figure.target.value:g}: {verdict}"
