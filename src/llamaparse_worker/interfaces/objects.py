"""Files by key, and where documents come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.job import SourceRef


class ObjectStore(Protocol):
    """Files by key (``a/b/c``, no leading slash, no ``..``).

    Raises:
        SourceNotFound: no object has this key.
        SourceForbidden: access is denied.
        DocumentTooLarge: ``limit_bytes`` was passed while reading.
        StorageFull: no space is left.
        BackendUnavailable: the store does not answer.
    """

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        """Copy the object into the file ``target``, which is created."""
        ...

    async def store(self, key: str, path: Path, *, content_type: str) -> None:
        """Write the file under the key, whole or not at all."""
        ...

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        """Write files of the folder under ``<prefix>/<name>``, each as ``store`` does; a failure may leave some."""
        ...

    async def read(self, key: str, *, limit_bytes: int) -> bytes:
        """Give a small object as bytes."""
        ...

    async def write(self, key: str, content: bytes, *, content_type: str) -> None:
        """Write a small object from memory, as ``store`` does from a file."""
        ...

    async def list(self, prefix: str) -> Sequence[str]:
        """Give all keys below the prefix, sorted."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; a missing one is fine."""
        ...

    async def ping(self) -> str:
        """Prove that the store can be written and read; gives what it is."""
        ...


class SourceFetcher(Protocol):
    """Brings a document from where the message says into the spool folder. Raises as ``ObjectStore`` does."""

    async def fetch(self, source: SourceRef, target: Path, *, limit_bytes: int) -> None:
        """Copy the document into the file ``target``, which is created."""
        ...
