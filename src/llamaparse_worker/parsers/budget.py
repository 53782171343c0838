"""A number of bytes that holders share; whoever finds too little left waits in turn."""

from __future__ import annotations

from collections import deque

import anyio


class ByteBudget:
    """Bytes to be taken and given back, first come, first served. For one event loop."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._waiting: deque[tuple[int, anyio.Event]] = deque()

    @property
    def used(self) -> int:
        """Bytes that are taken now."""
        return self.total - self._free

    async def take(self, size: int) -> None:
        """Wait until ``size`` bytes are free, and take them; never more than ``total`` at once."""
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        entry = (size, anyio.Event())
        self._waiting.append(entry)
        try:
            await entry[1].wait()
        except BaseException:
            self._withdraw(entry)
            raise

    def give_back(self, size: int) -> None:
        """Return bytes that were taken."""
        self._free += size
        self._serve()

    def _withdraw(self, entry: tuple[int, anyio.Event]) -> None:
        if entry[1].is_set():
            self._free += entry[0]
        else:
            self._waiting.remove(entry)
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, served = self._waiting.popleft()
            self._free -= size
            served.set()
