"""What may go wrong in a run, and how often: drawn from the seed, so that runs differ in kind, not in luck alone.

About half of all faults are absent from a run. A fault that is always there hides those that need quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Mishap(StrEnum):
    """What befalls a whole worker, at any of its steps."""

    CRASH = "crash"
    STALL = "stall"
    """It is stopped, and wakes when its leases and its connection may be gone."""
    DISCONNECT = "disconnect"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The faults of one run. Shares are probabilities from 0 to 1."""

    slow: float
    """Calls that take up to several leases."""
    lost_request: float
    lost_answer: float
    """Calls that had their effect, and seem to have failed."""
    duplicate: float
    """Published messages that come twice."""
    reorder: float
    """Deliveries before which the queue is shuffled."""
    cancel: float
    """Jobs that their user cancels."""
    clock_jumps: bool
    """Whether the clock of the job store jumps, in both directions."""
    mishaps: tuple[Mishap, ...]
    steps_apart: int
    """The most steps of a worker between two mishaps."""


def draw(random: Random) -> Weather:
    """Draw the weather of a run."""

    def share(most: float) -> float:
        return random.uniform(0, most) if random.random() < 0.5 else 0.0

    return Weather(
        slow=share(0.1),
        lost_request=share(0.15),
        lost_answer=share(0.15),
        duplicate=share(0.5),
        reorder=share(0.5),
        cancel=share(0.3),
        clock_jumps=random.random() < 0.25,
        mishaps=tuple(mishap for mishap in Mishap if random.random() < 0.5),
        steps_apart=random.choice((50, 300, 1500)),
    )


@dataclass(frozen=True, slots=True)
class Trip:
    """The way of one call to a backend and back, in seconds."""

    out_s: float
    back_s: float
    loses_request: bool = False
    loses_answer: bool = False


def trip(random: Random, weather: Weather | None) -> Trip:
    """Draw the way of a call; without weather it is short and safe."""
    out_s = random.random() * 0.01
    if weather is None:
        return Trip(out_s, out_s)
    luck = random.random()
    if luck < weather.slow:
        return Trip(random.random() * 20, random.random() * 2)
    luck -= weather.slow
    if luck < weather.lost_request:
        return Trip(out_s, out_s, loses_request=True)
    return Trip(out_s, out_s, loses_answer=luck - weather.lost_request < weather.lost_answer)
