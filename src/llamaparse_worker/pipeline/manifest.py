"""Makes ``manifest.json``: how a result came about, with the times that the result files do not hold."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from anyio import to_thread

from llamaparse_worker.errors import ErrorReport, TimeLimitExceeded, TooManyFailedPages, report
from llamaparse_worker.model.document import ParsedDocument, ResultFile, Spooled
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.options import ParseOptions, named
from llamaparse_worker.model.page import PageSummary
from llamaparse_worker.pipeline.document import DocumentOutcome
from llamaparse_worker.pipeline.spool import no_space_is_temporary
from llamaparse_worker.wire import Manifest, ManifestPage

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the result files do not say: which job, when, and how long each stage took."""

    job_id: str | None
    attempt: int
    started_at: datetime
    durations_s: Mapping[str, float]


class StageClock:
    """Measures the stages of one attempt."""

    def __init__(self, observe: Callable[[str, float], None]) -> None:
        self._observe = observe
        self._durations_s: dict[str, float] = {}

    @property
    def durations_s(self) -> Mapping[str, float]:
        """The stages that have ended so far, in seconds."""
        return self._durations_s

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block, also when it fails."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Take a stage that was measured elsewhere, such as one that runs within another."""
        self._durations_s[name] = seconds
        self._observe(name, seconds)


async def write_manifest(
    document: Spooled, outcome: DocumentOutcome, options: ParseOptions, circumstances: Circumstances, folder: Path
) -> tuple[ResultFile, ...]:
    """Write the manifest beside the result files; gives all files of the result.

    Raises:
        PermanentError: no page has text, so there is no result worth keeping.
    """
    error = outcome.verdict.error
    if error is not None and not isinstance(error, TooManyFailedPages | TimeLimitExceeded):
        raise error
    failure = report(error) if error else None

    def write() -> ResultFile:
        content = manifest_of(
            document,
            outcome.parsed,
            options,
            circumstances,
            error=failure,
            flags=outcome.verdict.flags,
            is_cache_hit=outcome.is_cache_hit,
        )
        (folder / MANIFEST_NAME).write_bytes(content)
        return ResultFile(MANIFEST_NAME, len(content), "application/json")

    with no_space_is_temporary():
        return (*outcome.parsed.files, await to_thread.run_sync(write))


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
