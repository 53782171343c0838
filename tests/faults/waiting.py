"""Waits for what is seen from outside, and tells nobody."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio


async def reaches(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], limit_s: float, *, why: Callable[[], str] = str
) -> float:
    """Wait for what is seen from outside; gives the seconds that it took, and fails loudly after the limit."""
    begun = time.monotonic()
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return time.monotonic() - begun
        if time.monotonic() - begun > limit_s:
            raise AssertionError(f"not within {limit_s:g} s\n{why()}")
        await anyio.sleep(0.2)
