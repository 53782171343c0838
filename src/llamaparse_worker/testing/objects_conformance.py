"""What every object store must do, as tests: subclass ``ObjectStoreConformance`` and give the fixture ``objects``."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from llamaparse_worker.errors import DocumentTooLarge, SourceForbidden, SourceNotFound
from llamaparse_worker.interfaces import ObjectStore
from llamaparse_worker.model.document import ResultFile

_LIMIT = 1_000_000
_MARKDOWN = "text/markdown"


@pytest.mark.anyio
class ObjectStoreConformance:
    """The contract of ``ObjectStore``. Each test gets an empty store from the fixture ``objects``."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """A small file to store."""
        path = tmp_path / "given.md"
        path.write_bytes(b"# Title\n\nText with \xc3\xa4\n")
        return path

    async def test_a_stored_file_comes_back_byte_by_byte(
        self, objects: ObjectStore, file: Path, tmp_path: Path
    ) -> None:
        """Fetch and read give what store took."""
        await objects.store("results/j1/1/result.md", file, content_type=_MARKDOWN)

        await objects.fetch("results/j1/1/result.md", tmp_path / "back", limit_bytes=_LIMIT)
        read = await objects.read("results/j1/1/result.md", limit_bytes=_LIMIT)

        assert (tmp_path / "back").read_bytes() == read == file.read_bytes()

    async def test_what_is_written_from_memory_comes_back_byte_by_byte(self, objects: ObjectStore) -> None:
        """Write takes the place of what was there, as store does."""
        for content in (b"first", b"", bytes(range(256)) * 1000):
            await objects.write("page-cache/1/a", content, content_type="application/json")
            assert await objects.read("page-cache/1/a", limit_bytes=_LIMIT) == content
        assert await objects.list("") == ["page-cache/1/a"]

    async def test_files_stored_together_are_all_there(self, objects: ObjectStore, tmp_path: Path) -> None:
        """Many files of a result, some of them in a folder below."""
        (tmp_path / "images").mkdir()
        names = ("result.md", *(f"images/{number}.png" for number in range(20)))
        for name in names:
            (tmp_path / name).write_text(f"content of {name}")

        await objects.store_all("results/j1/1", tmp_path, [ResultFile(name, 0, _MARKDOWN) for name in names])

        keys = await objects.list("results/j1/1")
        assert keys == sorted(f"results/j1/1/{name}" for name in names)
        read = [await objects.read(f"results/j1/1/{name}", limit_bytes=_LIMIT) for name in names]
        assert read == [f"content of {name}".encode() for name in names]

    async def test_an_empty_file_is_an_object(self, objects: ObjectStore, tmp_path: Path) -> None:
        """No bytes are bytes too."""
        empty = tmp_path / "empty"
        empty.touch()
        await objects.store("empty", empty, content_type=_MARKDOWN)

        await objects.fetch("empty", tmp_path / "back", limit_bytes=_LIMIT)

        assert (tmp_path / "back").read_bytes() == b""
        assert await objects.read("empty", limit_bytes=_LIMIT) == b""

    async def test_a_large_file_comes_back_whole(self, objects: ObjectStore, tmp_path: Path) -> None:
        """More than one chunk of any implementation so far."""
        large = tmp_path / "large.bin"
        large.write_bytes(bytes(range(256)) * 80_000)
        await objects.store("large.bin", large, content_type="application/octet-stream")

        await objects.fetch("large.bin", tmp_path / "back", limit_bytes=large.stat().st_size)

        assert (tmp_path / "back").read_bytes() == large.read_bytes()

    async def test_storing_again_replaces(self, objects: ObjectStore, file: Path, tmp_path: Path) -> None:
        """The last write stands."""
        longer = tmp_path / "longer"
        longer.write_bytes(b"x" * 1000)
        await objects.store("a", longer, content_type=_MARKDOWN)

        await objects.store("a", file, content_type=_MARKDOWN)

        assert await objects.read("a", limit_bytes=_LIMIT) == file.read_bytes()

    async def test_the_stored_object_does_not_follow_later_changes_of_the_file(
        self, objects: ObjectStore, file: Path
    ) -> None:
        """The store keeps a copy, not the file itself."""
        before = file.read_bytes()
        await objects.store("a", file, content_type=_MARKDOWN)

        with file.open("r+b") as again:
            again.write(b"!!!!")

        assert await objects.read("a", limit_bytes=_LIMIT) == before

    async def test_a_missing_key_is_named(self, objects: ObjectStore, tmp_path: Path) -> None:
        """And no file is left in the spool folder."""
        with pytest.raises(SourceNotFound, match=r"uploads/none\.pdf"):
            await objects.fetch("uploads/none.pdf", tmp_path / "back", limit_bytes=_LIMIT)
        with pytest.raises(SourceNotFound, match=r"uploads/none\.pdf"):
            await objects.read("uploads/none.pdf", limit_bytes=_LIMIT)
        assert not (tmp_path / "back").exists()

    async def test_an_object_above_the_limit_is_refused(self, objects: ObjectStore, file: Path, tmp_path: Path) -> None:
        """One byte too many is too many, exactly the limit is fine."""
        size = file.stat().st_size
        await objects.store("a", file, content_type=_MARKDOWN)

        with pytest.raises(DocumentTooLarge):
            await objects.fetch("a", tmp_path / "back", limit_bytes=size - 1)
        with pytest.raises(DocumentTooLarge):
            await objects.read("a", limit_bytes=size - 1)
        assert not (tmp_path / "back").exists()
        assert len(await objects.read("a", limit_bytes=size)) == size

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../up", "a/../../up", "a//b", "a/./b", "a/", "a\0b", "a\nb", "x" * 1025]
    )
    async def test_a_key_that_is_no_plain_path_is_refused(
        self, objects: ObjectStore, file: Path, tmp_path: Path, key: str
    ) -> None:
        """By every call that takes a key."""
        with pytest.raises(SourceForbidden):
            await objects.store(key, file, content_type=_MARKDOWN)
        with pytest.raises(SourceForbidden):
            await objects.fetch(key, tmp_path / "back", limit_bytes=_LIMIT)
        with pytest.raises(SourceForbidden):
            await objects.read(key, limit_bytes=_LIMIT)
        with pytest.raises(SourceForbidden):
            await objects.delete(key)

    async def test_the_list_is_sorted_and_ends_at_the_prefix(self, objects: ObjectStore, file: Path) -> None:
        """``a/1`` has ``a/1/x`` below it, but not ``a/10/x``."""
        keys = ("a/1/z.md", "a/1/b/c.md", "a/1-x/d.md", "a/10/b.md", "b.md", "ä ö.md")
        for key in keys:
            await objects.store(key, file, content_type=_MARKDOWN)

        assert await objects.list("a/1") == ["a/1/b/c.md", "a/1/z.md"]
        assert await objects.list("a/1/") == ["a/1/b/c.md", "a/1/z.md"]
        assert await objects.list("") == sorted(keys)
        assert await objects.list("none") == []

    async def test_a_deleted_object_is_gone_and_deleting_again_is_fine(self, objects: ObjectStore, file: Path) -> None:
        """Its neighbours stay."""
        await objects.store("a/b/c", file, content_type=_MARKDOWN)
        await objects.store("a/d", file, content_type=_MARKDOWN)

        await objects.delete("a/b/c")
        await objects.delete("a/b/c")

        assert await objects.list("") == ["a/d"]

    async def test_many_writes_at_once_all_arrive(self, objects: ObjectStore, file: Path) -> None:
        """In one folder that does not exist before."""
        keys = [f"new/folder/{number:02}" for number in range(24)]

        async with anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(lambda key: objects.store(key, file, content_type=_MARKDOWN), key)

        assert await objects.list("new") == keys

    async def test_a_reader_never_sees_half_of_an_object(self, objects: ObjectStore, tmp_path: Path) -> None:
        """While it is replaced again and again, it is the one or the other, whole."""
        versions = [bytes([number]) * 300_000 for number in (1, 2)]
        files = [tmp_path / f"version-{number}" for number in (1, 2)]
        for path, content in zip(files, versions, strict=True):
            path.write_bytes(content)
        await objects.store("a", files[0], content_type=_MARKDOWN)
        writing = True

        async def write() -> None:
            nonlocal writing
            for number in range(20):
                await objects.store("a", files[number % 2], content_type=_MARKDOWN)
            writing = False

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            while writing:
                assert await objects.read("a", limit_bytes=_LIMIT) in versions
                assert await objects.list("") == ["a"]

    async def test_ping_says_what_answers_and_leaves_nothing_behind(self, objects: ObjectStore) -> None:
        """The text is for a human."""
        assert await objects.ping()
        assert await objects.list("") == []
