"""Parses files with all cores and puts their results into folders."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from llamaparse_worker.app.documents import Documents
from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.cli.inputs import Input
from llamaparse_worker.cli.reporting import Ending, Reporter
from llamaparse_worker.errors import (
    ConfigurationError,
    DocumentTooLarge,
    ErrorReport,
    ModeUnavailable,
    SourceForbidden,
    SourceNotFound,
    WorkerError,
    report,
)
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.job import JobStatus, Progress
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.pipeline.document import DocumentOutcome
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.pipeline.manifest import Circumstances, StageClock, write_manifest
from llamaparse_worker.pipeline.quota import SpoolQuota
from llamaparse_worker.pipeline.spool import described, no_space_is_temporary, spool_folder
from llamaparse_worker.settings import LocalSettings
from llamaparse_worker.wire import utc_now

if TYPE_CHECKING:
    from llamaparse_worker.pipeline.page_cache import PageCache

_CACHE_PREFIX = "pages"
_CACHE_AGE_S = 48 * 3600
_CACHE_BYTES = 1024**3
_AHEAD = 1
"""Inputs beyond those that are being parsed: one is copied, or its files put in place, while the processes work."""


@dataclass(slots=True)
class _Course:
    """How far an input has come."""

    progress: Progress = field(default_factory=Progress)
    waited_s: float = 0.0
    """Until it was its turn to be parsed."""

    def note(self, progress: Progress) -> None:
        self.progress = progress


class LocalParse:
    """Parses one input after the other into ``output``."""

    def __init__(
        self,
        documents: Documents,
        settings: LocalSettings,
        output: Path,
        options: ParseOptions,
        cache: PageCache | None = None,
    ) -> None:
        self._documents = documents
        self._settings = settings
        self._output = output
        self._options = options
        self._cache = cache
        self._turns = anyio.CapacityLimiter(documents.processes)
        self._quota = SpoolQuota(job_bytes=settings.spool_max_job_bytes, total_bytes=settings.spool_max_bytes)

    async def parse_all(self, inputs: Sequence[Input], reporter: Reporter) -> int:
        """Parse all inputs, as many at once as there are parser processes; gives the exit status.

        What surrounds the parsing of one, its copy and the place of its files, is done beside the parsing of others.

        Raises:
            ConfigurationError: ``--output`` cannot be written, or a result folder would replace a file.
        """
        for one in inputs:
            if (self._output / one.output_name).exists() and not (self._output / one.output_name).is_dir():
                raise ConfigurationError(f"--output {self._output} holds a file {one.output_name}; choose another")
        await to_thread.run_sync(_prove_writable, self._output)
        # The time of a document does not include the start of the processes.
        await self._documents.pool.ready()
        slots = anyio.CapacityLimiter(self._documents.processes + _AHEAD)
        endings: list[JobStatus] = []

        async def parse_one(one: Input) -> None:
            async with slots:
                ending, error = await self.parse(one)
            endings.append(ending.status)
            reporter.ended(ending, error)

        with one_error():
            async with anyio.create_task_group() as tasks:
                for one in inputs:
                    tasks.start_soon(parse_one, one)
        if self._cache:
            await self._cache.sweep()
        return ExitStatus.OK if set(endings) <= {JobStatus.COMPLETED} else ExitStatus.DATA

    async def parse(self, one: Input) -> tuple[Ending, ErrorReport | None]:
        """Parse one input; its failure is an ending, not an exception.

        Raises:
            ModeUnavailable: no input can be parsed in this mode.
        """
        started = time.perf_counter()
        folder = self._output / one.output_name
        course = _Course()
        error: ErrorReport | None = None
        written = True
        try:
            outcome = await self._write(one, folder, course)
            error = report(outcome.verdict.error) if outcome.verdict.error else None
        except ModeUnavailable:
            raise
        except WorkerError as failure:
            error, written = report(failure), False
            # A result of an earlier run must not be taken for this one's.
            await to_thread.run_sync(_remove, folder)
        ending = Ending(
            file=str(one.path),
            status=JobStatus.FAILED if error else JobStatus.COMPLETED,
            error_code=error.code if error else None,
            pages=course.progress.done,
            failed_pages=course.progress.failed,
            seconds=round(time.perf_counter() - started - course.waited_s, 4),
            output=str(folder) if written else None,
        )
        return ending, error

    async def _write(self, one: Input, folder: Path, course: _Course) -> DocumentOutcome:
        started_at = utc_now()
        clock = StageClock(lambda _stage, _seconds: None)
        async with spool_folder(self._settings.spool_dir) as spool, self._quota.watching(spool):
            with no_space_is_temporary():
                document = await to_thread.run_sync(_spooled, one.path, spool, self._settings.max_document_bytes)
            cache = None if self._cache is None else self._cache.of(document, self._options)
            async with self._turn(course):
                with clock.stage("parse"):
                    outcome = await self._documents.parser.parse(
                        document, self._options, spool, on_progress=course.note, cache=cache
                    )
            circumstances = Circumstances(job_id=None, attempt=1, started_at=started_at, durations_s=clock.durations_s)
            files = await write_manifest(document, outcome, self._options, circumstances, spool)
            with no_space_is_temporary():
                await to_thread.run_sync(_move, spool, [file.name for file in files], folder)
        return outcome

    @asynccontextmanager
    async def _turn(self, course: _Course) -> AsyncIterator[None]:
        """Wait until fewer inputs are being parsed than there are parser processes."""
        before = time.perf_counter()
        async with self._turns:
            course.waited_s = time.perf_counter() - before
            yield


def page_cache(folder: Path, models: str) -> PageCache:
    """Give a cache of refined pages in a folder.

    Raises:
        ConfigurationError: ``--cache`` cannot be written.
    """
    from llamaparse_worker.backends.objects.filesystem.store import FilesystemObjectStore
    from llamaparse_worker.pipeline.page_cache import CachePolicy, PageCache

    _prove_writable(folder, "--cache")
    policy = CachePolicy(prefix=_CACHE_PREFIX, max_age_s=_CACHE_AGE_S, max_bytes=_CACHE_BYTES)
    return PageCache(FilesystemObjectStore(folder), policy, models=models)


def _spooled(path: Path, spool: Path, limit_bytes: int) -> Spooled:
    """Copy a document to where parser processes may open it, and nothing beside it."""
    _check(path, limit_bytes)
    source = spool / "source"
    shutil.copyfile(path, source)
    return described(source, path.name)


def _check(path: Path, limit_bytes: int) -> None:
    """Refuse what is no readable file of allowed size, before a byte of it is read."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise SourceNotFound(f"there is no file {path}") from None
    except OSError as error:
        raise SourceForbidden(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode) or not os.access(path, os.R_OK):
        raise SourceForbidden(f"{path} is not a file that can be read")
    if found.st_size > limit_bytes:
        raise DocumentTooLarge(f"the file has {found.st_size} bytes; MAX_DOCUMENT_BYTES allows {limit_bytes}")


def _prove_writable(folder: Path, option: str = "--output") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigurationError(f"{option} {folder} cannot be written: {error.strerror}") from error


def _move(spool: Path, names: list[str], folder: Path) -> None:
    """Replace the result folder whole, so that no file of an earlier run stays beside the new ones."""
    _remove(folder)
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(spool / name, target)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
