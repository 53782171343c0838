"""The queues of the job family, one for each priority and one for page ranges, and whose turn it is among them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from llamaparse_worker.model.job import Priority


class Ranges(StrEnum):
    """The queue of page ranges, of jobs of all priorities."""

    RANGES = "ranges"


Queue = Priority | Ranges
"""A queue of the family."""

RANGES: Final = Ranges.RANGES

WEIGHTS: Final[Mapping[Queue, int]] = {
    Priority.CRITICAL: 8,
    Priority.HIGH: 4,
    Priority.MEDIUM: 2,
    Priority.LOW: 1,
    RANGES: 1,
}
"""Messages of a round, where every queue has enough of them; the most urgent come first.

Ranges come last and have a single turn. So a worker that has taken one takes a new job next, if there is any: however
many ranges wait, a job is held up by one of them at most.
"""


def queue_name(family: str, queue: Queue) -> str:
    """Name a queue; the family's own name is that of the default priority, and a prefix of all."""
    return family if queue is Priority.MEDIUM else f"{family}_{queue}"


class Turns:
    """Shares a worker's slots out among the queues: by their weights, and none is ever left out.

    A round gives each queue as many turns as its weight, the most urgent first. What a queue does not use goes to
    those that have messages: a queue without turns left begins a new round when nobody else takes.
    """

    def __init__(self) -> None:
        self._left = dict(WEIGHTS)

    def order(self) -> tuple[Queue, ...]:
        """Give the order in which to look for the next message."""
        return tuple(sorted(WEIGHTS, key=lambda queue: self._left[queue] == 0))

    def took(self, queue: Queue) -> None:
        """Count a message that was taken as ``order`` said."""
        if not self._left[queue]:
            self._left = dict(WEIGHTS)
        self._left[queue] -= 1
