"""Hands each delivery to whom it is for: a job, or a page range of one."""

from __future__ import annotations

import anyio
import structlog

from llamaparse_worker.interfaces import Delivery
from llamaparse_worker.model.queues import RANGES
from llamaparse_worker.worker.attempts import Attempts
from llamaparse_worker.worker.ranges import RangeAttempts


class Deliveries:
    """All deliveries of a worker; each call of ``handle`` is one task of it."""

    def __init__(self, attempts: Attempts, ranges: RangeAttempts) -> None:
        self._attempts = attempts
        self._ranges = ranges
        self._running: set[anyio.CancelScope] = set()

    @property
    def running(self) -> int:
        """Deliveries in hand."""
        return len(self._running)

    def give_up(self) -> None:
        """Stop every attempt (drain): each releases its lease and requeues its message."""
        for scope in self._running:
            scope.cancel()

    async def handle(self, delivery: Delivery) -> None:
        """Carry one delivery to its settlement. Raises nothing."""
        message = delivery.message
        with anyio.CancelScope() as scope, structlog.contextvars.bound_contextvars(message_id=message.id):
            self._running.add(scope)
            try:
                await (self._ranges if message.queue is RANGES else self._attempts).handle(delivery)
            finally:
                self._running.discard(scope)
