"""Makes ``manifest.json``: how a result came about, with the times that the result files do not hold."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.document import ParsedDocument, Spooled
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.options import ParseOptions, named
from llamaparse_worker.model.page import PageSummary
from llamaparse_worker.wire import Manifest, ManifestPage

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the result files do not say: which job, when, and how long each stage took."""

    job_id: str | None
    attempt: int
    started_at: datetime
    durations_s: Mapping[str, float]


def manifest_of(
    document: Spooled,
    parsed: ParsedDocument,
    options: ParseOptions,
    circumstances: Circumstances,
    *,
    error: ErrorReport | None,
    flags: tuple[str, ...],
    is_cache_hit: bool = False,
) -> bytes:
    """Encode the manifest of a parsed document, complete or partial."""
    manifest = Manifest(
        job_id=circumstances.job_id,
        attempt=circumstances.attempt,
        file_name=document.name,
        input_sha256=document.sha256,
        input_size_bytes=document.size_bytes,
        reader=parsed.info.reader,
        page_count=parsed.info.page_count,
        mode=options.mode,
        options={name: value for name, value in named(options).items() if name != "ignored"},
        ignored_options=options.ignored,
        status=JobStatus.FAILED if error else JobStatus.COMPLETED,
        flags=flags,
        job_is_cache_hit=is_cache_hit,
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        pages=tuple(_page(page) for page in parsed.pages),
        files=tuple(file.name for file in parsed.files),
        worker_version=worker_version(),
        library_versions=dict(library_versions()),
        host=socket.gethostname(),
        started_at=circumstances.started_at,
        durations_s={stage: round(seconds, 4) for stage, seconds in circumstances.durations_s.items()},
    )
    return manifest.model_dump_json(indent=1).encode()


def _page(page: PageSummary) -> ManifestPage:
    return ManifestPage(
        number=page.number,
        status=page.status,
        engine=page.engine,
        reason=page.reason,
        characters=page.characters,
        confidence=page.confidence,
        images_left_out=page.images_left_out or None,
        error_code=page.error.code if page.error else None,
        error_message=page.error.message if page.error else None,
    )


@cache
def worker_version() -> str:
    """Give the version of this program."""
    return version("llamaparse-worker")


@cache
def library_versions() -> tuple[tuple[str, str], ...]:
    """Give the versions that can change what a document becomes."""
    found = [("python", ".".join(str(part) for part in sys.version_info[:3]))]
    for name in ("pypdfium2", "numpy"):
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)
