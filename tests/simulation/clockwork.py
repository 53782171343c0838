"""An event loop of several simulated processes on a virtual clock: nothing waits, and a seed gives one order of steps.

A process is a context variable: what a task starts, schedules or awaits belongs to the process of that task. Steps of
one process keep their order, as in any loop; which process steps next is drawn. A frozen process takes no step, and so
none of its ``finally`` blocks runs: that is how a process is killed or stopped.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Args = TypeVarTuple("Args")

WORLD = 0
"""The process of everything that is no worker: networks, backends, producers. It is never frozen."""
PROCESS: ContextVar[int] = ContextVar("process", default=WORLD)


def context_of(process: int) -> Context:
    """Give a context whose tasks belong to the process."""
    context = Context()
    context.run(PROCESS.set, process)
    return context


class _Step(asyncio.TimerHandle):
    """A callback that waits for its turn."""

    def run(self) -> None:
        self._run()


class _Task(asyncio.Task[T]):
    """A task that hashes by its number: sets of tasks are then walked in the same order in every run."""

    def __init__(
        self,
        number: int,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        loop: Clockwork,
        context: Context | None,
    ) -> None:
        self._number = number
        super().__init__(coro, loop=loop, context=context)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class Clockwork(asyncio.BaseEventLoop):
    """As much of an event loop as coroutines need that wait for each other and for the clock, but for no file."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._now = 0.0
        self._due: list[tuple[float, int, int, _Step]] = []
        self._ready: dict[int, deque[_Step]] = {WORLD: deque()}
        self._frozen: set[int] = set()
        self._numbers = itertools.count()
        self.steps = 0
        self.on_step: Callable[[int], None] = lambda _process: None
        """Told after each step of a worker's process."""
        self.failures: list[str] = []
        """What callbacks and tasks raised that nobody looked at."""

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine in the world's process until it ends; the clock jumps to whatever comes next."""
        asyncio._set_running_loop(self)  # noqa: SLF001 - documented for those who write event loops
        try:
            task = self.create_task(main, context=context_of(WORLD))
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
            self.close()

    def freeze(self, process: int) -> None:
        """Let the process take no more steps."""
        self._frozen.add(process)

    def thaw(self, process: int) -> None:
        """Let it go on; what was due meanwhile is late."""
        self._frozen.discard(process)

    def frozen(self, process: int) -> bool:
        """Tell whether the process is held."""
        return process in self._frozen

    def time(self) -> float:
        """Give seconds since the start of the run."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        """Append to the steps of the context's process."""
        context = copy_context() if context is None else context
        step = _Step(self._now, callback, args, self, context)
        self._queue(context.get(PROCESS, WORLD)).append(step)
        return step

    def call_later(
        self, delay: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Append to the steps of the context's process after so many seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Append to the steps of the context's process at that time."""
        context = copy_context() if context is None else context
        step = _Step(when, callback, args, self, context)
        heapq.heappush(self._due, (when, next(self._numbers), context.get(PROCESS, WORLD), step))
        return step

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Start a task in the process of the context; names are not kept."""
        del name
        return _Task(next(self._numbers), coro, self, context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what was raised and not looked at."""
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: a cancelled timer is passed over when its time comes."""

    def _queue(self, process: int) -> deque[_Step]:
        return self._ready.setdefault(process, deque())

    def _step(self) -> None:
        process = self._draw()
        while process is None:
            self._move_on()
            process = self._draw()
        step = self._ready[process].popleft()
        if not step.cancelled():
            self.steps += 1
            step.run()
            if process != WORLD:
                self.on_step(process)

    def _draw(self) -> int | None:
        able = [process for process, steps in self._ready.items() if steps and process not in self._frozen]
        if len(able) > 1:
            return able[int(self._random.random() * len(able))]
        return able[0] if able else None

    def _move_on(self) -> None:
        """Set the clock to the next timer and make everything ready that is due by then.

        Raises:
            RuntimeError: nothing will ever happen again.
        """
        if not self._due:
            raise RuntimeError("every task waits for another")
        self._now = max(self._now, self._due[0][0])
        while self._due and self._due[0][0] <= self._now:
            _, _, process, step = heapq.heappop(self._due)
            if not step.cancelled():
                self._queue(process).append(step)
