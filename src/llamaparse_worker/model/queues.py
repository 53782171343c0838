"""The queues of the job family, one for each priority, and whose turn it is among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llamaparse_worker.model.job import Priority

WEIGHTS: Final[Mapping[Priority, int]] = {
    Priority.CRITICAL: 8,
    Priority.HIGH: 4,
    Priority.MEDIUM: 2,
    Priority.LOW: 1,
}
"""Messages of a round, where every queue has enough of them; the most urgent come first."""


def queue_name(family: str, priority: Priority) -> str:
    """Name the queue of a priority; the family's own name is that of the default one, and a prefix of all."""
    return family if priority is Priority.MEDIUM else f"{family}_{priority}"


class Turns:
    """Shares a worker's slots out among the priorities: by their weights, and none is ever left out.

    A round gives each priority as many turns as its weight, the most urgent first. What a queue does not use goes to
    those that have messages: a priority without turns left begins a new round when nobody else takes.
    """

    def __init__(self) -> None:
        self._left = dict(WEIGHTS)

    def order(self) -> tuple[Priority, ...]:
        """Give the order in which to look for the next message."""
        return tuple(sorted(WEIGHTS, key=lambda priority: self._left[priority] == 0))

    def took(self, priority: Priority) -> None:
        """Count a message that was taken as ``order`` said."""
        if not self._left[priority]:
            self._left = dict(WEIGHTS)
        self._left[priority] -= 1
