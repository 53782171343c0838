"""Where pure Python computes that would hold up the event loop: one after the other, in a thread beside it.

The interpreter lets one thread run at a time, and each that has its turn may keep it for 5 ms. So with forty of them
the event loop would come to its turn five times a second, and nothing would be done sooner. With one it still lost 5 ms
at each packet that it sends, as it lets go of the interpreter meanwhile: so turns are shorter here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

R = TypeVar("R")
A = TypeVarTuple("A")

_LONGEST_TURN_S = 0.0005
_turn: RunVar[CapacityLimiter] = RunVar("llamaparse_worker.computing")


async def computed(work: Callable[[*A], R], *args: *A) -> R:
    """Call ``work`` when it is its turn, and give what it gives."""
    limiter = _turn.get(None)
    if limiter is None:
        limiter = CapacityLimiter(1)
        sys.setswitchinterval(_LONGEST_TURN_S)
        _turn.set(limiter)
    return await to_thread.run_sync(work, *args, limiter=limiter)
