"""The arithmetic behind ``/api/queue-statusz``: how much work there is, or why nobody knows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.model.job import StoreCounts


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The work of a queue family, each job counted once."""

    queues: tuple[QueueDepth, ...]
    ready: int
    """Messages waiting."""
    delayed: int
    """Jobs without a message that wait for their next attempt."""
    in_flight: int

    @property
    def total(self) -> int:
        """Everything that is still to be done: what an autoscaler divides by its target."""
        return self.ready + self.delayed + self.in_flight


@dataclass(frozen=True, slots=True)
class QueueUnknown:
    """The total is not known; a number would mislead an autoscaler into removing busy workers."""

    reason: str
    queues: tuple[QueueDepth, ...] = ()


@dataclass(frozen=True, slots=True)
class NoSuchQueue:
    """No queue has this prefix: most likely a typing error, which must not scale to zero."""

    prefix: str


def queue_status(
    depths: Sequence[QueueDepth], counts: StoreCounts, *, prefix: str, store_shared: bool
) -> QueueStatus | QueueUnknown | NoSuchQueue:
    """Add up the queues with this prefix.

    In flight is what the broker calls unacknowledged, when it tells for every queue, or the RUNNING rows of a shared
    job store, whichever is more: they are the same jobs, but a message may be settled early while its job still runs.
    Rows name no queue, so they count whole for every prefix.
    """
    queues = tuple(depth for depth in depths if depth.name.startswith(prefix))
    if not queues:
        return NoSuchQueue(prefix)
    unhealthy = [depth.name for depth in queues if not depth.healthy]
    if unhealthy:
        return QueueUnknown(f"not healthy: {', '.join(unhealthy)}", queues)
    told = [depth.unacknowledged for depth in queues if depth.unacknowledged is not None]
    running = counts.running if store_shared else 0
    if len(told) == len(queues):
        in_flight = max(sum(told), running)
    elif store_shared:
        in_flight = running
    else:
        return QueueUnknown("jobs in flight are not known: set JOB_QUEUE_MANAGEMENT_URL or share DATABASE_URL", queues)
    return QueueStatus(queues, sum(depth.ready for depth in queues), counts.delayed, in_flight)
