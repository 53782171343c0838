"""The pool of OCR processes when an engine crashes, hangs or talks nonsense in one of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.backends.ocr.local import open_local
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, PageUnreadable, TimeLimitExceeded
from llamaparse_worker.interfaces import Ocr, Pooled, PoolUse
from support import ocr_child
from support.ocr import grey, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def processes(**settings: object) -> AsyncIterator[Ocr]:
    chosen = ocr_child.ChildSettings.model_validate({"ocr_worker": 1, "ocr_isolation": "process", **settings})
    async with open_local(ocr_child.ENGINE, chosen) as ocr:
        yield ocr


async def text_of(ocr: Ocr, number: int = 5, languages: tuple[str, ...] = ()) -> str:
    with anyio.fail_after(20):
        return (await ocr.read(grey(number), languages=languages)).words[0].text


def use(ocr: Ocr) -> PoolUse:
    assert isinstance(ocr, Pooled)
    return ocr.use()


async def test_all_processes_are_started_by_the_first_ping() -> None:
    async with processes() as ocr:
        assert use(ocr) == PoolUse(2, 0)
        assert await ocr.ping() == "scripted, 2 processes"
        assert await text_of(ocr, 5, ("en", "de")) == "grey-5+en+de"
        assert await ocr.ping() == "scripted, 2 processes"
        assert use(ocr) == PoolUse(2, 0, starts=2)


async def test_a_process_has_a_group_of_its_own_and_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    async with processes() as ocr:
        seen = set((await text_of(ocr, ocr_child.TELLS)).split())
    assert {"group=True", "PATH", "LANG"} <= seen
    assert "API_TOKEN" not in seen


async def test_no_process_is_left_when_the_pool_closes() -> None:
    async with processes() as ocr:
        told = (await text_of(ocr, ocr_child.TELLS)).split()
        pid = int(next(one for one in told if one.startswith("pid=")).removeprefix("pid="))
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (ocr_child.SEGFAULT, "crashed"),
        (ocr_child.KILLED, "out_of_memory"),
        (ocr_child.OUT_OF_MEMORY, "out_of_memory"),
        (ocr_child.NOISE, "broken_protocol"),
    ],
)
async def test_a_page_that_ends_its_process_twice_fails_alone(fault: int, reason: str) -> None:
    async with processes() as ocr:
        await ocr.ping()
        with pytest.raises(PageUnreadable, match=f"twice .{reason}"):
            await text_of(ocr, fault)
        assert use(ocr).restarts == {reason: 2}
        assert await text_of(ocr) == "grey-5"
        assert await ocr.ping()
        assert use(ocr).busy == 0


async def test_a_page_whose_process_was_killed_by_chance_is_read_by_the_next(tmp_path: Path) -> None:
    async with processes(folder=tmp_path) as ocr:
        assert await text_of(ocr, ocr_child.ONCE) == f"grey-{ocr_child.ONCE}"
        assert use(ocr) == PoolUse(2, 0, starts=2, restarts={"out_of_memory": 1})


async def test_a_page_beside_one_that_crashes_is_read() -> None:
    found: list[str] = []

    async def read(ocr: Ocr) -> None:
        found.extend([await text_of(ocr, number) for number in range(50, 70)])

    async with processes() as ocr, anyio.create_task_group() as tasks:
        await ocr.ping()
        tasks.start_soon(read, ocr)
        with pytest.raises(PageUnreadable):
            await text_of(ocr, ocr_child.SEGFAULT)
    assert found == [f"grey-{number}" for number in range(50, 70)]


async def test_a_process_that_hangs_is_killed_and_another_reads_on() -> None:
    async with processes(ocr_page_timeout_seconds=1.5) as ocr:
        with pytest.raises(TimeLimitExceeded, match="OCR_PAGE_TIMEOUT_SECONDS"):
            await text_of(ocr, ocr_child.HANGS)
        assert use(ocr).restarts == {"time_limit": 1}
        assert await text_of(ocr) == "grey-5"
        assert await ocr.ping(), "nothing need be started again for it"


async def test_who_gives_up_a_page_frees_its_place_at_once() -> None:
    async with processes() as ocr:
        await ocr.ping()
        with anyio.move_on_after(0.2) as scope:
            await text_of(ocr, ocr_child.HANGS)
        assert scope.cancelled_caught
        assert use(ocr).busy == 0
        assert use(ocr).restarts == {"abandoned": 1}


@pytest.mark.parametrize("fault", [ocr_child.UNREADABLE, ocr_child.RUBBISH])
async def test_a_page_that_the_engine_refuses_costs_no_process(fault: int) -> None:
    async with processes() as ocr:
        with pytest.raises(PageUnreadable):
            await text_of(ocr, fault)
        assert await text_of(ocr) == "grey-5"
        assert use(ocr) == PoolUse(2, 0, starts=1)


async def test_an_engine_that_broke_is_not_used_again() -> None:
    async with processes() as ocr:
        with pytest.raises(PageUnreadable, match="ZeroDivisionError"):
            await text_of(ocr, ocr_child.RAISES)
        assert await text_of(ocr) == "grey-5"
        assert use(ocr) == PoolUse(2, 0, starts=2, restarts={"crashed": 1})


async def test_an_engine_that_reads_nothing_at_all_is_away_and_no_page_is_blamed() -> None:
    async with processes(broken=True) as ocr:
        with pytest.raises(BackendUnavailable, match="blank page"):
            await ocr.ping()
        with pytest.raises(BackendUnavailable, match="blank page"):
            await text_of(ocr)


async def test_an_engine_that_cannot_be_opened_is_a_configuration_error_each_time() -> None:
    async with processes(missing=True) as ocr:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=r"FileNotFoundError: model\.onnx"):
                await ocr.ping()


async def test_a_process_that_ends_between_pages_costs_no_page() -> None:
    async with processes() as ocr:
        told = (await text_of(ocr, ocr_child.TELLS)).split()
        os.kill(int(next(one for one in told if one.startswith("pid=")).removeprefix("pid=")), 9)
        await until(lambda: not Path(f"/proc/{told[-1].removeprefix('pid=')}").exists())
        assert await text_of(ocr) == "grey-5"
        assert use(ocr).restarts == {"out_of_memory": 1}
