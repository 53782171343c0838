"""The object store in memory against the contract, and its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamaparse_worker.errors import BackendUnavailable, StorageFull
from llamaparse_worker.interfaces import ObjectStore
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.testing.objects_conformance import ObjectStoreConformance


class TestMemory(ObjectStoreConformance):
    @pytest.fixture
    def objects(self) -> ObjectStore:
        return MemoryObjectStore()


@pytest.mark.anyio
async def test_faults_are_raised_while_they_are_switched_on(tmp_path: Path) -> None:
    store = MemoryObjectStore()
    file = tmp_path / "file"
    file.write_bytes(b"x")
    store.full = True
    with pytest.raises(StorageFull):
        await store.store("a", file, content_type="text/plain")
    store.full, store.away = False, True
    with pytest.raises(BackendUnavailable):
        await store.ping()
    store.away = False
    await store.store("a", file, content_type="text/plain")
    assert store.objects == {"a": b"x"}
