"""Sources by kind: object keys, S3 addresses and files of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.s3.store import open_s3
from llamaparse_worker.backends.objects.sources import open_sources
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.errors import DocumentTooLarge, InvalidJob, SourceForbidden, SourceNotFound, WorkerError
from llamaparse_worker.model.job import SourceKind, SourceRef
from llamaparse_worker.testing.objects import MemoryObjectStore
from support.services import S3Server

pytestmark = pytest.mark.anyio

LIMIT = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a document in a folder, and a neighbour with almost the same name."""
    root = tmp_path / "inbox"
    (root / "2024").mkdir(parents=True)
    (root / "2024" / "a b?.pdf").write_bytes(b"document")
    (tmp_path / "inbox-private").mkdir()
    (tmp_path / "inbox-private" / "secret").write_bytes(b"secret")
    return root


async def fetch(address: str, target: Path, *roots: Path, limit_bytes: int = LIMIT) -> bytes:
    async with open_sources(SourcesSettings(file_source_roots=roots), MemoryObjectStore()) as sources:
        await sources.fetch(SourceRef(SourceKind.FILE, address), target, limit_bytes=limit_bytes)
    return target.read_bytes()


async def test_an_object_key_is_read_from_the_store(tmp_path: Path) -> None:
    store = MemoryObjectStore()
    store.objects["uploads/a.pdf"] = b"document"
    async with open_sources(SourcesSettings(), store) as sources:
        await sources.fetch(SourceRef(SourceKind.OBJECT, "uploads/a.pdf"), tmp_path / "a", limit_bytes=LIMIT)
    assert (tmp_path / "a").read_bytes() == b"document"


async def test_a_file_below_a_root_is_read(root: Path, tmp_path: Path) -> None:
    assert await fetch(f"file://{root}/2024/a%20b%3F.pdf", tmp_path / "a", root) == b"document"
    assert await fetch(f"file://localhost{root}/2024/../2024/a%20b%3F.pdf", tmp_path / "b", root) == b"document"


async def test_a_link_within_the_root_is_followed_and_the_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (root / "latest").symlink_to(root / "2024")
    (tmp_path / "linked").symlink_to(root)
    assert await fetch(f"file://{tmp_path}/linked/latest/a b%3F.pdf", tmp_path / "a", tmp_path / "linked")


async def test_without_roots_no_file_is_read(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceForbidden, match="FILE_SOURCE_ROOTS"):
        await fetch(f"file://{root}/2024/a%20b%3F.pdf", tmp_path / "a")


@pytest.mark.parametrize(
    "path",
    ["/../inbox-private/secret", "/%2e%2e/inbox-private/secret", "-private/secret", "-private/absent", "", "/", "/out"],
)
async def test_a_path_that_leads_out_is_refused_whether_or_not_it_exists(root: Path, tmp_path: Path, path: str) -> None:
    (root / "out").symlink_to(tmp_path / "inbox-private" / "secret")
    with pytest.raises(SourceForbidden):
        await fetch(f"file://{root}{path}", tmp_path / "a", root)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["2024", "pipe"])
async def test_only_regular_files_are_read(root: Path, tmp_path: Path, name: str) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(SourceForbidden, match="regular"):
        await fetch(f"file://{root}/{name}", tmp_path / "a", root)


async def test_a_missing_and_a_large_file_are_told_apart(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        await fetch(f"file://{root}/2025/a.pdf", tmp_path / "a", root)
    with pytest.raises(DocumentTooLarge):
        await fetch(f"file://{root}/2024/a%20b%3F.pdf", tmp_path / "a", root, limit_bytes=7)


@pytest.mark.parametrize(
    "address", ["file://other-host/a", "file:a", "file://", "file:///a?b", "file:///a%00", "file://[/a"]
)
async def test_a_malformed_file_address_is_the_fault_of_the_message(address: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidJob):
        await fetch(address, tmp_path / "a", tmp_path)


async def test_roots_are_given_as_a_list_of_absolute_paths() -> None:
    assert SourcesSettings.model_validate({"file_source_roots": "/a, /b/c,"}).file_source_roots == (
        Path("/a"),
        Path("/b/c"),
    )
    with pytest.raises(ValidationError, match="not an absolute path"):
        SourcesSettings.model_validate({"file_source_roots": "a"})


async def test_an_s3_address_without_an_s3_store_says_what_is_missing(tmp_path: Path) -> None:
    async with open_sources(SourcesSettings(), MemoryObjectStore()) as sources:
        with pytest.raises(InvalidJob, match="s3"):
            await sources.fetch(SourceRef(SourceKind.S3, "s3://bucket/key"), tmp_path / "a", limit_bytes=LIMIT)


async def test_an_s3_address_names_any_bucket(s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "document").write_bytes(b"document")
    elsewhere = s3.bucket()
    async with open_s3(_settings(s3, elsewhere)) as other:
        await other.store("in/a b.pdf", tmp_path / "document", content_type="application/pdf")

    async with open_s3(_settings(s3, s3.bucket())) as store, open_sources(SourcesSettings(), store, store) as sources:

        async def fetch(address: str) -> None:
            await sources.fetch(SourceRef(SourceKind.S3, address), tmp_path / "a", limit_bytes=LIMIT)

        await fetch(f"s3://{elsewhere}/in/a b.pdf")
        assert (tmp_path / "a").read_bytes() == b"document"
        failures: dict[str, type[WorkerError]] = {
            f"s3://{elsewhere}/in/none.pdf": SourceNotFound,
            "s3://no-such-bucket-anywhere/a": SourceNotFound,
            "s3://NO/a": SourceNotFound,
            f"s3://{elsewhere}": InvalidJob,
            f"s3://{elsewhere}/../other/a": InvalidJob,
        }
        for address, failure in failures.items():
            with pytest.raises(failure):
                await fetch(address)


def _settings(s3: S3Server, bucket: str) -> S3Settings:
    return S3Settings(
        s3_endpoint_url=s3.endpoint_url,
        s3_upload_bucket=bucket,
        s3_output_bucket=bucket,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=SecretStr(s3.secret_access_key),
    )
