"""No document fills the spool: neither with many bytes nor with many files, alone or with others."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from llamaparse_worker.errors import CorruptDocument, LimitExceeded, StorageFull
from llamaparse_worker.pipeline import quota as module
from llamaparse_worker.pipeline.quota import SpoolQuota, measured

pytestmark = pytest.mark.anyio

KIB = 1024


def quota(job_kib: int = 64, total_kib: int = 1024) -> SpoolQuota:
    return SpoolQuota(job_bytes=job_kib * KIB, total_bytes=total_kib * KIB, interval_s=0.02)


def filled(folder: Path, kib: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "file").write_bytes(b"x" * kib * KIB)
    return folder


async def test_work_within_the_limits_goes_on(tmp_path: Path) -> None:
    async with quota().watching(filled(tmp_path / "job", 32)):
        await anyio.sleep(0.1)


async def test_a_folder_that_grows_too_large_ends_its_work(tmp_path: Path) -> None:
    async def grow() -> None:
        async with quota().watching(tmp_path):
            (tmp_path / "deeper").mkdir()
            filled(tmp_path / "deeper", 128)
            await anyio.sleep(5)

    with pytest.raises(LimitExceeded, match="SPOOL_MAX_JOB_BYTES allows 65536"):
        await grow()


async def test_many_empty_files_end_the_work_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 100)

    async def litter() -> None:
        async with quota().watching(tmp_path):
            for number in range(101):
                (tmp_path / str(number)).touch()
            await anyio.sleep(5)

    with pytest.raises(LimitExceeded, match="more than 100 files"):
        await litter()


async def test_of_all_that_fill_the_spool_together_the_largest_is_tried_again_later(tmp_path: Path) -> None:
    spool = quota(job_kib=512, total_kib=600)
    ended: dict[str, str] = {}

    async def work(name: str, kib: int) -> None:
        try:
            async with spool.watching(filled(tmp_path / name, kib)):
                await anyio.sleep(0.5)
        except StorageFull as error:
            ended[name] = error.message

    async with anyio.create_task_group() as tasks:
        for name, kib in (("small", 100), ("large", 400), ("other", 200)):
            tasks.start_soon(work, name, kib)

    assert list(ended) == ["large"]
    assert "SPOOL_MAX_BYTES" in ended["large"]


@pytest.mark.parametrize("error", [CorruptDocument("damaged"), ZeroDivisionError("a bug")])
async def test_the_error_of_the_work_itself_comes_through_as_it_is(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        async with quota().watching(tmp_path):
            raise error
    assert raised.value is error


async def test_the_cancellation_of_the_work_is_no_error(tmp_path: Path) -> None:
    with anyio.move_on_after(0.05) as scope:
        async with quota().watching(tmp_path):
            await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_links_are_not_followed_and_sparse_files_count_as_they_are(tmp_path: Path) -> None:
    outside = filled(tmp_path / "outside", 512)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    with (inside / "sparse").open("wb") as file:
        file.truncate(1 << 30)

    size, entries = measured(inside, 1 << 20)

    assert size < 64 * KIB
    assert entries == 2
