"""One mapping from name to capacity: jobs, parser processes, OCR and every model share this primitive.

The variable of a limit is ``<NAME>_CONCURRENCY`` and its gauges carry the name as the label ``limit``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from anyio import CapacityLimiter


class Limits(Mapping[str, CapacityLimiter]):
    """The named capacities of one worker. A name is fixed at the start; its size may change while running."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._limiters = {name: CapacityLimiter(size) for name, size in sizes.items()}

    def __getitem__(self, name: str) -> CapacityLimiter:
        return self._limiters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._limiters)

    def __len__(self) -> int:
        return len(self._limiters)
