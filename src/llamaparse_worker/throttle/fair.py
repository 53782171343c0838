"""Which of the waiting calls is next: documents share what there is, whatever their number of pages.

Start-time fair queueing (Goyal, Vin, Cheng, 1996): a call is tagged with the later of the queue's virtual time and the
end of its document's call before, and ends its cost later. The least tag is next. So documents take turns by tokens, a
new document waits for one turn of the others at most, and nothing is left unused while anybody waits.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_FLOWS = 1000
"""More are looked through for those that lie in the past."""


class FairClock:
    """The virtual time of several queues: what it tags in one takes turns with what it tags in the others."""

    def __init__(self) -> None:
        self._now = 0.0
        self._ends: dict[str, float] = {}

    def tag(self, flow: str, cost: float) -> float:
        """Give the next thing of a flow its place; ``cost`` counts against the flow's next ones."""
        start = max(self._now, self._ends.get(flow, 0.0))
        self._ends[flow] = start + cost
        return start

    def reached(self, tag: float) -> None:
        """Say that the thing with this tag had its turn."""
        self._now = max(self._now, tag)
        if len(self._ends) > _MOST_FLOWS:
            self._ends = {flow: end for flow, end in self._ends.items() if end > self._now}


class FairQueue(Generic[T]):
    """Things that wait, by the tags of a clock; one that waits again keeps its tag, and so its place."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, tag: float, thing: T) -> None:
        """Have a thing wait at its place."""
        heapq.heappush(self._heap, (tag, next(self._numbers), thing))

    def first(self) -> tuple[float, T]:
        """Look at what is next, and its tag.

        Raises:
            IndexError: nothing waits.
        """
        tag, _, thing = self._heap[0]
        return tag, thing

    def pop(self) -> T:
        """Take what is next.

        Raises:
            IndexError: nothing waits.
        """
        return heapq.heappop(self._heap)[-1]

    def remove(self, thing: T) -> None:
        """Take something out of turn; one that does not wait is fine."""
        self._heap = [entry for entry in self._heap if entry[-1] is not thing]
        heapq.heapify(self._heap)
