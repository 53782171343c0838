"""What the calls of models for one job may cost together: reserved before each call, corrected after it."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio


class Spending:
    """The spending of one job. Belongs to the event loop.

    Args:
        most: in the currency of the prices; None for no limit.
        spent: what an earlier attempt has paid for pages that are taken over.
    """

    def __init__(self, most: float | None = None, *, spent: float = 0.0) -> None:
        self.most = most
        self._spent = spent
        self._reserved = 0.0
        self._changed = anyio.Event()
        self._is_reached = False

    @property
    def is_reached(self) -> bool:
        """Whether a call was not made because it might have cost more than was left."""
        return self._is_reached

    async def reserve(self, cost: float) -> bool:
        """Set aside what a call may cost at most; False where the job cannot afford it.

        Calls under way mostly cost less than was set aside for them: they are waited for before it is said so.
        """
        while self.most is not None and self._spent + self._reserved + cost > self.most:
            if self._is_reached or not self._reserved:
                self._is_reached = True
                return False
            await self._changed.wait()
        self._reserved += cost
        return True

    def settle(self, reserved: float, cost: float) -> None:
        """Replace what was set aside by what the call has cost."""
        self._reserved = max(0.0, self._reserved - reserved)
        self._spent += cost
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


@dataclass(frozen=True, slots=True)
class Flow:
    """A document on whose behalf models are called: who takes turns with others, and may spend so much."""

    name: str
    spending: Spending = field(default_factory=Spending)
