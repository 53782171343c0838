"""A stream from the network into a spool file, under a byte limit."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread

from llamaparse_worker.backends.objects.beneath import created
from llamaparse_worker.backends.objects.failures import read_failure, too_large

CHUNK_BYTES = 256 * 1024
_WRITE_BYTES = 4 * 1024 * 1024
"""What is gathered before a thread writes it: most documents are written in one go."""


async def spool(chunks: AsyncIterator[bytes], target: Path, *, limit_bytes: int, name: str) -> None:
    """Write the stream into a new file; a partial file is removed.

    Raises:
        DocumentTooLarge: more than ``limit_bytes`` arrived.
        StorageFull: the spool folder has no space left.
    """
    try:
        with created(target) as out:
            gathered = bytearray()
            total = 0
            async for chunk in chunks:
                total += len(chunk)
                if total > limit_bytes:
                    raise too_large(name, limit_bytes)
                gathered += chunk
                if len(gathered) >= _WRITE_BYTES:
                    await to_thread.run_sync(_write, out, bytes(gathered))
                    gathered.clear()
            await to_thread.run_sync(_write, out, bytes(gathered))
    except OSError as error:
        raise read_failure(error, name) from error


async def gather(chunks: AsyncIterator[bytes], *, limit_bytes: int, name: str) -> bytes:
    """Give the whole stream.

    Raises:
        DocumentTooLarge: more than ``limit_bytes`` arrived.
    """
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) > limit_bytes:
            raise too_large(name, limit_bytes)
    return bytes(gathered)


def _write(out: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(out, rest) :]
