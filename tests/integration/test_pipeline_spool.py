from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from llamaparse_worker.errors import ConfigurationError, StorageFull
from llamaparse_worker.pipeline.spool import remove_leftovers, spool_folder
from support.disk import small_disk

pytestmark = pytest.mark.anyio


async def test_a_folder_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    async with spool_folder(tmp_path / "new" / "spool") as folder:
        (folder / "results").mkdir()
        (folder / "results" / "result.md").write_text("text")
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not list((tmp_path / "new" / "spool").iterdir())


async def test_a_folder_is_gone_although_its_job_was_cancelled(tmp_path: Path) -> None:
    with anyio.CancelScope() as scope:
        async with spool_folder(tmp_path) as folder:
            (folder / "source").write_text("text")
            scope.cancel()
            await anyio.sleep(1)

    assert not list(tmp_path.iterdir())


async def test_only_what_nobody_uses_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "job-of-a-killed-worker").mkdir()
    (tmp_path / "job-of-a-killed-worker" / "source").write_text("text")
    (tmp_path / "something else").mkdir()

    async with spool_folder(tmp_path) as folder:
        assert await remove_leftovers(tmp_path) == 1
        assert {path.name for path in tmp_path.iterdir()} == {folder.name, "something else"}


async def test_a_place_where_no_folder_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=f"SPOOL_DIR {tmp_path}/file"):
        async with spool_folder(tmp_path / "file"):
            pass


async def test_a_full_disk_is_a_passing_trouble(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64, files=2) as disk:
        (disk / "last").touch()
        with pytest.raises(StorageFull):
            async with spool_folder(disk / "spool"):
                pass
