"""Sends laid-out pages through a mode that refines them."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread

from llamaparse_worker.interfaces import Mode
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.pipeline import blob
from llamaparse_worker.pipeline.pages import ReadResult


async def refine(read: ReadResult, mode: Mode, options: ParseOptions, folder: Path) -> ReadResult:
    """Give the same pages refined, in a new blob; one page at a time is held, decoded and encoded in a thread."""
    refined = folder / "refined.blob"
    for path in map(Path, read.blobs):
        for stored in await to_thread.run_sync(blob.index, path):
            page = await to_thread.run_sync(_read, path, stored)
            better = await mode.refine(page, options)
            await to_thread.run_sync(_append, refined, better)
    return ReadResult(read.pages, (str(refined),))


def _read(path: Path, stored: blob.StoredPage) -> LaidOutPage:
    with path.open("rb") as file:
        return blob.read_page(file, stored)


def _append(path: Path, page: LaidOutPage) -> None:
    with blob.appending(path) as out:
        out.append(page)
