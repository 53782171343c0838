"""``check``: opens and pings every configured component, and says what to do about those that fail."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, WorkerError

if TYPE_CHECKING:
    from llamaparse_worker.settings import WorkerSettings

LIMIT_S = 15.0


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "check",
        help="test every configured component",
        description="Open and ping every configured component; one line each: what works, what does not, what to do. "
        "Exit status 69 when a service does not answer, 78 when the configuration is at fault.",
    )
    command.add_argument(
        "--genai",
        action="store_true",
        help="also ask every deployment of a model one small question, which costs money",
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check everything; gives 0 when all components work."""
    import anyio

    from llamaparse_worker.cli.quiet import quiet
    from llamaparse_worker.settings import WorkerSettings, read

    quiet()
    return anyio.run(partial(_check_all, read(WorkerSettings), genai=args.genai))


class _Answers(Protocol):
    async def ping(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    ask: Callable[[], Awaitable[str]]
    remedy: str
    """What to do when it does not answer."""


async def _check_all(settings: WorkerSettings, *, genai: bool) -> int:
    from llamaparse_worker.app.backends import open_broker, open_jobs, open_objects, open_ocr

    ocr = _Check(
        f"ocr {settings.ocr_engine}",
        lambda: _ping(open_ocr(settings)),
        "Start the OCR service, or correct OCR_SERVER_URL or OCR_ENGINE.",
    )
    checks = (
        _Check(
            f"broker {settings.broker}",
            lambda: _ping(open_broker(settings)),
            "Start the broker, or correct JOB_QUEUE_ENDPOINT or JOB_QUEUE_CONNECTION_STRING.",
        ),
        _Check(
            f"jobs {settings.jobs}",
            lambda: _ping(open_jobs(settings)),
            "Start the database, or correct DATABASE_URL (SQLITE_PATH for SQLite).",
        ),
        _Check(
            f"objects {settings.objects}",
            lambda: _ping(open_objects(settings)),
            "Start the store, or correct S3_ENDPOINT_URL, the bucket and its credentials (OBJECTS_DIR for files).",
        ),
        _Check(
            "parser processes", lambda: _parse_something(settings), "Reinstall the worker: its readers do not load."
        ),
        _Check("parser sandbox", lambda: _confine_nothing(settings), "Correct PARSER_SANDBOX."),
        *(() if settings.ocr_engine == "off" else (ocr,)),
        _Check("spool", lambda: _write_spool(settings), "Correct SPOOL_DIR."),
    )
    worst = ExitStatus.OK
    for one in checks:
        worst = max(worst, await _report(one))
    worst = max(worst, await _report_models(settings))
    return max(worst, await _report_genai(settings)) if genai else worst


async def _report_models(settings: WorkerSettings) -> ExitStatus:
    """Say which deployments each mode would ask, in their order; asks none."""
    from llamaparse_worker.app.models import model_pings, open_models, open_served

    try:
        async with open_served(settings) as models, open_models(models, settings) as router:
            for name, ping in model_pings(router).items():
                print(f"ok      {name}: {await ping()}")
    except ConfigurationError as error:
        print(f"FAILED  models: {error.message}\n        {error.next_step}")
        return ExitStatus.CONFIGURATION
    return ExitStatus.OK


async def _report_genai(settings: WorkerSettings) -> ExitStatus:
    from llamaparse_worker.cli.check_genai import check_genai

    try:
        return await check_genai(settings)
    except ConfigurationError as error:
        print(f"FAILED  genai: {error.message}\n        {error.next_step}")
        return ExitStatus.CONFIGURATION


async def _report(one: _Check) -> ExitStatus:
    import anyio

    try:
        with anyio.fail_after(LIMIT_S):
            print(f"ok      {one.name}: {await one.ask()}")
    except TimeoutError:
        print(f"FAILED  {one.name}: no answer within {LIMIT_S:g} s\n        {one.remedy}")
        return ExitStatus.UNAVAILABLE
    except WorkerError as error:
        away = isinstance(error, BackendUnavailable)
        print(f"FAILED  {one.name}: {error.message}\n        {one.remedy if away else error.next_step}")
        return ExitStatus.UNAVAILABLE if away else ExitStatus.CONFIGURATION
    return ExitStatus.OK


async def _ping(opening: AbstractAsyncContextManager[_Answers]) -> str:
    async with opening as component:
        return await component.ping()


async def _parse_something(settings: WorkerSettings) -> str:
    """Send a small text document through a parser process: spool, readers, layout and writers work together."""
    from llamaparse_worker.app.documents import open_documents
    from llamaparse_worker.model.options import ParseOptions
    from llamaparse_worker.pipeline.spool import describe, spool_folder

    async with open_documents(settings) as documents, spool_folder(settings.spool_dir) as folder:
        source = folder / "source"
        source.write_text("A line of text.\n", encoding="utf-8")
        document = await describe(source, "check.txt")
        outcome = await documents.parser.parse(document, ParseOptions(), folder, on_progress=lambda _: None)
        return f"{documents.processes} processes; a test document gave {len(outcome.parsed.files)} result files"


async def _confine_nothing(settings: WorkerSettings) -> str:
    """Start a fork server that opens no document, for its self-test."""
    from llamaparse_worker.app.ahead import TASKS
    from llamaparse_worker.parsers.pool import open_parsers
    from llamaparse_worker.parsers.settings import ParserSettings
    from llamaparse_worker.pipeline.task_config import TaskConfig
    from llamaparse_worker.settings import read

    config = TaskConfig(readers=()).model_dump_json()
    async with open_parsers(read(ParserSettings), TASKS, config, folder=settings.spool_dir) as pool:
        await pool.ready()
        found = pool.statistics().safeguards
    return "; ".join(f"{one.mechanism} {'enforced' if one.enforced else 'MISSING'} ({one.detail})" for one in found)


async def _write_spool(settings: WorkerSettings) -> str:
    import shutil

    from llamaparse_worker.pipeline.spool import spool_folder

    async with spool_folder(settings.spool_dir) as folder:
        free = shutil.disk_usage(folder).free
    return f"{settings.spool_dir}, {free / 1024**3:.1f} GiB free"
