"""Opens the fetcher of documents over the object store that the settings choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from llamaparse_worker.backends.objects.sources import Buckets, open_sources
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.interfaces import ObjectStore, SourceFetcher
from llamaparse_worker.settings import read


@asynccontextmanager
async def open_source_fetcher(objects: ObjectStore) -> AsyncIterator[SourceFetcher]:
    """Open the fetcher; ``s3://`` sources need a store that knows buckets.

    Raises:
        ConfigurationError: a setting of the sources is wrong.
    """
    buckets = objects if isinstance(objects, Buckets) else None
    async with open_sources(read(SourcesSettings), objects, buckets) as sources:
        yield sources
