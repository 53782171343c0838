"""An object store in memory, with faults that a test can switch on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread
from anyio.lowlevel import checkpoint
from pydantic import BaseModel, ConfigDict

from llamaparse_worker.errors import BackendUnavailable, DocumentTooLarge, SourceNotFound, StorageFull
from llamaparse_worker.interfaces import Component, ObjectStore
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.object_key import below, key_parts


class MemoryObjectStore:
    """An ``ObjectStore`` that forgets everything when it goes; ``objects`` is what it holds."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.away = False
        """Every call raises ``BackendUnavailable`` while this is set."""
        self.full = False
        """``store`` and ``write`` raise ``StorageFull`` while this is set."""

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        """Write the object's bytes to the file."""
        content = await self.read(key, limit_bytes=limit_bytes)
        await to_thread.run_sync(target.write_bytes, content)

    async def store(self, key: str, path: Path, *, content_type: str) -> None:
        """Keep the file's bytes."""
        await self._answer(key)
        if self.full:
            raise StorageFull(f"no space is left to store {key}")
        content = await to_thread.run_sync(path.read_bytes)
        self.objects[key] = content
        self.content_types[key] = content_type

    async def write(self, key: str, content: bytes, *, content_type: str) -> None:
        """Keep the bytes."""
        await self._answer(key)
        if self.full:
            raise StorageFull(f"no space is left to store {key}")
        self.objects[key] = content
        self.content_types[key] = content_type

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        """Keep the bytes of all files."""
        for file in files:
            await self.store(f"{prefix}/{file.name}", folder / file.name, content_type=file.content_type)

    async def read(self, key: str, *, limit_bytes: int) -> bytes:
        """Give the object's bytes."""
        await self._answer(key)
        if key not in self.objects:
            raise SourceNotFound(f"{key} does not exist")
        content = self.objects[key]
        if len(content) > limit_bytes:
            raise DocumentTooLarge(f"{key} has more than the allowed {limit_bytes} bytes")
        return content

    async def list(self, prefix: str) -> Sequence[str]:
        """Give the keys below the prefix."""
        start = below(prefix)
        await self._answer()
        return sorted(key for key in self.objects if key.startswith(start))

    async def delete(self, key: str) -> None:
        """Forget the object."""
        await self._answer(key)
        self.objects.pop(key, None)
        self.content_types.pop(key, None)

    async def ping(self) -> str:
        """Give a name while the store is not away."""
        await self._answer()
        return "memory"

    async def _answer(self, key: str | None = None) -> None:
        if key is not None:
            key_parts(key)
        await checkpoint()
        if self.away:
            raise BackendUnavailable("the object store in memory is switched off")


class MemoryObjectSettings(BaseModel):
    """The store in memory has no settings."""

    model_config = ConfigDict(frozen=True)


@asynccontextmanager
async def open_memory(settings: MemoryObjectSettings) -> AsyncIterator[ObjectStore]:
    """Give an empty store."""
    del settings
    yield MemoryObjectStore()


component: Component[MemoryObjectSettings, ObjectStore] = Component(settings=MemoryObjectSettings, open=open_memory)
