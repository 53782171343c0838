"""Which attempts of a worker run beside each other, and which alone.

A document that kills its worker takes along what runs beside it. Who meets it again at each attempt would be given up
with it: so the last attempt of a job that was lost before begins when all others here have ended, and they wait for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio import CapacityLimiter


class Company:
    """Lets as many tasks be beside each other as there are slots, or one alone, who goes before all that come later."""

    def __init__(self, slots: CapacityLimiter) -> None:
        self._slots = slots
        self._together = 0
        self._one_alone = False
        self._changed = anyio.Event()

    @asynccontextmanager
    async def beside_others(self) -> AsyncIterator[None]:
        """Wait for a slot, and until nobody is alone or wants to be, and be here together with others."""
        async with self._slots:
            await self._reached(lambda: not self._one_alone)
            self._together += 1
            try:
                yield
            finally:
                self._together -= 1
                self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait for a slot, and until everybody has gone, while nobody comes, and be here alone."""
        async with self._slots:
            await self._reached(lambda: not self._one_alone)
            self._one_alone = True
            try:
                await self._reached(lambda: not self._together)
                yield
            finally:
                self._one_alone = False
                self._tell()

    async def _reached(self, state: Callable[[], bool]) -> None:
        while not state():
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
