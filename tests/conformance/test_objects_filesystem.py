"""The file system store against the contract, and what only a file system can do wrong."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.backends.objects.filesystem.settings import FilesystemSettings
from llamaparse_worker.backends.objects.filesystem.store import component, open_filesystem
from llamaparse_worker.errors import (
    BackendUnavailable,
    ConfigurationError,
    SourceForbidden,
    SourceNotFound,
    StorageFull,
)
from llamaparse_worker.interfaces import ObjectStore
from llamaparse_worker.testing.objects_conformance import ObjectStoreConformance

pytestmark = pytest.mark.anyio

LIMIT = 1_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "objects"


@pytest.fixture
async def objects(root: Path) -> AsyncIterator[ObjectStore]:
    async with open_filesystem(FilesystemSettings(objects_dir=root)) as store:
        yield store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


class TestFilesystem(ObjectStoreConformance):
    @pytest.fixture
    async def objects(self, tmp_path: Path) -> AsyncIterator[ObjectStore]:
        async with component.open(FilesystemSettings(objects_dir=tmp_path / "objects", objects_fsync=True)) as store:
            yield store


async def test_a_symbolic_link_never_leads_out_of_the_folder(
    objects: ObjectStore, root: Path, file: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(outside)
    (root / "secret").symlink_to(outside / "secret")

    with pytest.raises(SourceNotFound):
        await objects.fetch("link/secret", tmp_path / "back", limit_bytes=LIMIT)
    with pytest.raises(SourceForbidden):
        await objects.read("secret", limit_bytes=LIMIT)
    with pytest.raises(SourceForbidden):
        await objects.store("link/new", file, content_type="text/plain")
    await objects.delete("link/secret")

    assert await objects.list("") == []
    assert await objects.list("link") == []
    assert [path.name for path in outside.iterdir()] == ["secret"]


async def test_a_folder_or_a_pipe_is_not_an_object(objects: ObjectStore, root: Path, file: Path) -> None:
    await objects.store("a/b", file, content_type="text/plain")
    os.mkfifo(root / "pipe")

    for key in ("a", "a/b/c", "pipe"):
        with pytest.raises(SourceNotFound):
            await objects.read(key, limit_bytes=LIMIT)
    for key in ("a", "a/b/c"):
        with pytest.raises(SourceForbidden):
            await objects.store(key, file, content_type="text/plain")


async def test_unfinished_files_are_no_objects(objects: ObjectStore, root: Path, file: Path) -> None:
    (root / ".incoming" / "half").write_bytes(b"half")

    assert await objects.list("") == []
    with pytest.raises(SourceForbidden):
        await objects.read(".incoming/half", limit_bytes=LIMIT)
    with pytest.raises(SourceForbidden):
        await objects.store(".incoming/half", file, content_type="text/plain")


async def test_a_start_clears_what_killed_workers_left_a_day_ago(objects: ObjectStore, root: Path) -> None:
    del objects
    old, young = root / ".incoming" / "old", root / ".incoming" / "young"
    old.touch()
    young.touch()
    os.utime(old, (0, time.time() - 25 * 3600))

    async with open_filesystem(FilesystemSettings(objects_dir=root)):
        assert [path.name for path in (root / ".incoming").iterdir()] == ["young"]


async def test_deleting_the_last_object_removes_its_folders_but_not_the_store(
    objects: ObjectStore, root: Path, file: Path
) -> None:
    await objects.store("a/b/c", file, content_type="text/plain")
    await objects.store("a/d", file, content_type="text/plain")

    await objects.delete("a/b/c")
    assert sorted(path.name for path in (root / "a").iterdir()) == ["d"]
    await objects.delete("a/d")
    assert [path.name for path in root.iterdir()] == [".incoming"]


async def test_storing_wins_against_deletes_that_remove_its_folder(objects: ObjectStore, file: Path) -> None:
    async def store_and_delete(number: int) -> None:
        for _ in range(25):
            await objects.store(f"a/b/{number}", file, content_type="text/plain")
            await objects.delete(f"a/b/{number}")
        await objects.store(f"a/b/{number}", file, content_type="text/plain")

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(store_and_delete, number)

    assert await objects.list("a/b") == ["a/b/0", "a/b/1", "a/b/2", "a/b/3"]


async def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    objects: ObjectStore, root: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(3_000_000))
    await objects.store("large", large, content_type="text/plain")

    with largest_file(1_000_000):
        with pytest.raises(StorageFull):
            await objects.store("second", large, content_type="text/plain")
        with pytest.raises(StorageFull):
            await objects.fetch("large", tmp_path / "back", limit_bytes=LIMIT * 10)

    assert await objects.list("") == ["large"]
    assert list((root / ".incoming").iterdir()) == []
    assert not (tmp_path / "back").exists()


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Writing beyond this size fails with EFBIG, as a full disk fails with ENOSPC: a limit that needs no mount."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_folder_that_vanished_is_an_outage_for_a_write_and_a_ping(
    objects: ObjectStore, root: Path, file: Path
) -> None:
    (root / ".incoming").rmdir()
    root.rmdir()

    with pytest.raises(BackendUnavailable):
        await objects.store("a", file, content_type="text/plain")
    with pytest.raises(BackendUnavailable):
        await objects.ping()


async def test_a_folder_that_cannot_be_created_stops_the_start_and_names_the_variable(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="OBJECTS_DIR="):
        async with open_filesystem(FilesystemSettings(objects_dir=file / "objects")):
            pass
