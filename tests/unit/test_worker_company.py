"""Which attempts run beside each other, and which alone."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import anyio
import pytest

from llamaparse_worker.worker.company import Company

pytestmark = pytest.mark.anyio


class Guests:
    """Tasks that come to a company and stay until they are let go."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self._tasks = tasks
        self._company = Company(anyio.CapacityLimiter(3))
        self._free: dict[str, anyio.CancelScope] = {}
        self.here: set[str] = set()

    async def come(self, name: str, *, alone: bool = False) -> None:
        place = self._company.alone() if alone else self._company.beside_others()
        self._tasks.start_soon(self._stay, name, place)
        await anyio.wait_all_tasks_blocked()

    async def go(self, name: str) -> None:
        self._free[name].cancel()
        await anyio.wait_all_tasks_blocked()

    async def _stay(self, name: str, place: AbstractAsyncContextManager[None]) -> None:
        with anyio.CancelScope() as self._free[name]:
            async with place:
                self.here.add(name)
                try:
                    await anyio.sleep_forever()
                finally:
                    self.here.remove(name)


async def test_many_are_here_together() -> None:
    async with anyio.create_task_group() as tasks:
        guests = Guests(tasks)
        await guests.come("a")
        await guests.come("b")
        assert guests.here == {"a", "b"}
        tasks.cancel_scope.cancel()


async def test_who_wants_to_be_alone_waits_for_those_here_and_goes_before_those_that_come() -> None:
    async with anyio.create_task_group() as tasks:
        guests = Guests(tasks)
        await guests.come("early")
        await guests.come("alone", alone=True)
        await guests.come("late")
        assert guests.here == {"early"}
        await guests.go("early")
        assert guests.here == {"alone"}
        await guests.go("alone")
        assert guests.here == {"late"}
        tasks.cancel_scope.cancel()


async def test_two_are_alone_one_after_the_other() -> None:
    async with anyio.create_task_group() as tasks:
        guests = Guests(tasks)
        await guests.come("first", alone=True)
        await guests.come("second", alone=True)
        assert guests.here == {"first"}
        await guests.go("first")
        assert guests.here == {"second"}
        tasks.cancel_scope.cancel()


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    async with anyio.create_task_group() as tasks:
        guests = Guests(tasks)
        await guests.come("early")
        await guests.come("alone", alone=True)
        await guests.come("late")
        await guests.go("alone")
        assert guests.here == {"early", "late"}
        tasks.cancel_scope.cancel()
