"""Fetches a document from where its message says: the object store, S3, an allowed folder or a public address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from anyio import to_thread

from llamaparse_worker.backends.objects.download import Downloads, open_downloads
from llamaparse_worker.backends.objects.local_files import fetch_local
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.errors import InvalidJob
from llamaparse_worker.interfaces import ObjectStore, SourceFetcher
from llamaparse_worker.model.job import SourceKind, SourceRef


@runtime_checkable
class Buckets(Protocol):
    """Reads from any bucket by name; the S3 store offers it."""

    async def fetch_from(self, bucket: str, key: str, target: Path, *, limit_bytes: int) -> None:
        """Copy an object of the bucket into the file ``target``. Raises as ``ObjectStore`` does."""
        ...


class Sources:
    """A ``SourceFetcher`` that routes by kind."""

    def __init__(
        self, store: ObjectStore, buckets: Buckets | None, roots: tuple[Path, ...], downloads: Downloads
    ) -> None:
        self._store = store
        self._buckets = buckets
        self._roots = roots
        self._downloads = downloads

    async def fetch(self, source: SourceRef, target: Path, *, limit_bytes: int) -> None:
        """Bring the document into the file ``target``.

        Raises:
            InvalidJob: the address cannot be read, or there is no S3 store to ask.
        """
        match source.kind:
            case SourceKind.OBJECT:
                await self._store.fetch(source.location, target, limit_bytes=limit_bytes)
            case SourceKind.S3:
                await self._fetch_bucket(source.location, target, limit_bytes)
            case SourceKind.FILE:
                path = file_path(source.location)
                await to_thread.run_sync(fetch_local, path, self._roots, target, limit_bytes)
            case SourceKind.HTTPS:
                await self._downloads.fetch(source.location, target, limit_bytes=limit_bytes)

    async def _fetch_bucket(self, address: str, target: Path, limit_bytes: int) -> None:
        if self._buckets is None:
            raise InvalidJob("source: s3:// needs the object store s3, which this worker does not use")
        bucket, key = bucket_and_key(address)
        await self._buckets.fetch_from(bucket, key, target, limit_bytes=limit_bytes)


def bucket_and_key(address: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``; the key is taken as it stands, without decoding.

    Raises:
        InvalidJob: one of the two is missing, or the key has a part that HTTP libraries resolve as a path.
    """
    bucket, _, key = address.partition("://")[2].partition("/")
    if not bucket or not key or not {".", ".."}.isdisjoint(key.split("/")):
        raise InvalidJob("source: an S3 address is s3://bucket/key, without '.' and '..' in the key")
    return bucket, key


def file_path(address: str) -> Path:
    """Give the path of ``file:///path``; percent signs are decoded.

    Raises:
        InvalidJob: the address names another host, or no absolute path.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InvalidJob("source: the file address cannot be read") from None
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        raise InvalidJob("source: a file address is file:///absolute/path on this machine")
    if parts.query or parts.fragment:
        raise InvalidJob("source: write ? as %3F and # as %23 in a file address")
    return Path(path)


@asynccontextmanager
async def open_sources(
    settings: SourcesSettings, store: ObjectStore, buckets: Buckets | None = None
) -> AsyncIterator[SourceFetcher]:
    """Give the fetcher; connections to web servers are kept until the context is left.

    Raises:
        ConfigurationError: URL_SOURCE_CA_FILE cannot be read.
    """
    async with open_downloads(settings) as downloads:
        yield Sources(store, buckets, settings.file_source_roots, downloads)
