"""Hands each delivery to whom it is for: a job, or a page range of one."""

from __future__ import annotations

from llamaparse_worker.interfaces import Delivery
from llamaparse_worker.model.queues import RANGES
from llamaparse_worker.worker.attempts import Attempts
from llamaparse_worker.worker.ranges import RangeAttempts


class Deliveries:
    """All deliveries of a worker; each call of ``handle`` is one task of it."""

    def __init__(self, attempts: Attempts, ranges: RangeAttempts) -> None:
        self._attempts = attempts
        self._ranges = ranges

    @property
    def running(self) -> int:
        """Deliveries in hand."""
        return self._attempts.running + self._ranges.running

    def give_up(self) -> None:
        """Stop every attempt (drain): each releases its lease and requeues its message."""
        self._attempts.give_up()
        self._ranges.give_up()

    async def handle(self, delivery: Delivery) -> None:
        """Carry one delivery to its settlement. Raises nothing."""
        await (self._ranges if delivery.message.queue is RANGES else self._attempts).handle(delivery)
