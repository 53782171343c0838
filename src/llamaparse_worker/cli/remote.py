"""Submits and follows jobs through the configured queue and stores."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from llamaparse_worker.app.backends import Backends, open_backends, open_jobs, open_objects
from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.cli.inputs import Input
from llamaparse_worker.cli.options import mode_from, results_from
from llamaparse_worker.cli.reporting import Ending, Reporter, open_reporter
from llamaparse_worker.errors import EmptyDocument, SourceNotFound
from llamaparse_worker.interfaces import Message, ObjectStore
from llamaparse_worker.model.job import JobRecord, JobStatus, Priority
from llamaparse_worker.settings import LocalSettings, read
from llamaparse_worker.wire import JobMessage, ParseConfiguration, job_of, new_job_id
from llamaparse_worker.worker.cancellation import cancel

POLL_S = 0.2
PUBLISH_WITHIN_S = 30.0
"""A job whose submitter died before publishing is published by a worker after this time."""
LARGEST_PRINTED_BYTES = 256 * 1024**2


async def submit_files(inputs: Sequence[Input], configuration: ParseConfiguration, args: argparse.Namespace) -> int:
    """Submit all inputs, and with ``--wait`` follow them; gives the exit status."""
    settings = read(LocalSettings)
    for one in inputs:
        _check(one.path)
    async with open_backends(settings) as backends:
        submitted = [await _submit(backends, one, configuration, args) for one in inputs]
        if not args.wait:
            for one, job_id in zip(inputs, submitted, strict=True):
                print(json.dumps({"file": str(one.path), "job": job_id}) if args.json else f"{job_id}  {one.path}")
            return ExitStatus.OK
        failed = 0
        with open_reporter(len(inputs), as_json=args.json) as reporter:
            for one, job_id in zip(inputs, submitted, strict=True):
                failed += not await _follow(backends, one, job_id, args.output, reporter)
        return ExitStatus.DATA if failed else ExitStatus.OK


async def show_status(job_id: str, as_json: bool) -> int:  # noqa: FBT001 - called through anyio.run
    """Print one job."""
    async with open_jobs(read(LocalSettings)) as jobs:
        await jobs.migrate()
        record = await jobs.get(job_id)
    if record is None:
        print(f"there is no job {job_id}", file=sys.stderr)
        return ExitStatus.DATA
    print(json.dumps(asdict(record), default=str, indent=1) if as_json else _summary(record))
    return ExitStatus.OK


async def cancel_job(job_id: str) -> int:
    """Cancel one job and print its status."""
    settings = read(LocalSettings)
    async with open_jobs(settings) as jobs:
        await jobs.migrate()
        print(f"{job_id}  {await cancel(job_id, jobs=jobs, open_objects=partial(open_objects, settings))}")
    return ExitStatus.OK


async def fetch_result(job_id: str, name: str, output: Path | None) -> int:
    """Print one result file, or write all of them below ``output``."""
    settings = read(LocalSettings)
    async with open_jobs(settings) as jobs, open_objects(settings) as objects:
        await jobs.migrate()
        record = await jobs.get(job_id)
        if record is None or record.result_prefix is None:
            reason = "there is no such job" if record is None else f"it is {record.status} and has no result"
            print(f"{job_id}: {reason}", file=sys.stderr)
            return ExitStatus.DATA
        if output is None:
            content = await objects.read(f"{record.result_prefix}/{name}", limit_bytes=LARGEST_PRINTED_BYTES)
            sys.stdout.buffer.write(content)
        else:
            for path in await _download(objects, record.result_prefix, output):
                print(path)
    return ExitStatus.OK


def _check(path: Path) -> None:
    """Refuse before anything is submitted what cannot become a job."""
    if not path.is_file():
        raise SourceNotFound(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise EmptyDocument(f"{path} is empty")


async def _submit(backends: Backends, one: Input, configuration: ParseConfiguration, args: argparse.Namespace) -> str:
    """Store the document, then the row, then publish: at every moment the next step can be repeated."""
    job_id = new_job_id()
    key = f"uploads/{job_id}/source"
    message = JobMessage(
        job_id=job_id,
        source=key,
        file_name=one.path.name,
        mode=mode_from(args),
        whole_document=args.whole_document,
        ocr=args.ocr,
        results=results_from(args),
        configuration=configuration,
        priority=args.priority and Priority(args.priority),
    )
    body = message.model_dump_json(exclude_defaults=True).encode()
    job = job_of(message)
    await backends.objects.store(key, one.path, content_type="application/octet-stream")
    due = await backends.jobs.submit(job, body=body, headers={}, publish_within_s=PUBLISH_WITHIN_S)
    await backends.broker.publish(Message(body=body, id=job_id, priority=due.priority))
    await backends.jobs.published(due)
    return job_id


async def _follow(backends: Backends, one: Input, job_id: str, output: Path | None, reporter: Reporter) -> bool:
    record = await _ended(backends, job_id)
    where: str | None = record.result_prefix
    if output is not None and record.result_prefix is not None:
        folder = output / one.output_name
        await _download(backends.objects, record.result_prefix, folder)
        where = str(folder.resolve())
    ending = Ending(
        file=str(one.path),
        status=record.status,
        error_code=record.error.code if record.error else None,
        pages=record.progress.done,
        failed_pages=record.progress.failed,
        seconds=round((record.updated_at - record.created_at).total_seconds(), 4),
        output=where,
    )
    reporter.ended(ending, record.error)
    return record.status is JobStatus.COMPLETED


async def _ended(backends: Backends, job_id: str) -> JobRecord:
    while True:
        record = await backends.jobs.get(job_id)
        if record and record.status.terminal:
            return record
        # The store has no notification that all backends share; a person does not see 200 ms.
        await anyio.sleep(POLL_S)


async def _download(objects: ObjectStore, prefix: str, folder: Path) -> list[Path]:
    paths = []
    for key in await objects.list(prefix):
        path = folder / key.removeprefix(prefix).lstrip("/")
        await to_thread.run_sync(lambda parent: parent.mkdir(parents=True, exist_ok=True), path.parent)
        await objects.fetch(key, path, limit_bytes=sys.maxsize)
        paths.append(path.resolve())
    return paths


def _summary(record: JobRecord) -> str:
    progress = record.progress
    lines = [f"{record.id}  {record.status}  {record.file_name}"]
    if progress.total:
        lines.append(f"  pages   {progress.done} of {progress.total}, {progress.failed} failed")
    if record.attempt:
        lines.append(f"  attempt {record.attempt}")
    if record.retry_reason and not record.status.terminal:
        lines.append(f"  before  {record.retry_reason}")
    if record.next_run_at:
        lines.append(f"  again   {record.next_run_at.isoformat(timespec='seconds')}")
    if record.result_prefix:
        lines.append(f"  result  {record.result_prefix}")
    if record.error:
        lines.append(f"  error   {record.error.code}: {record.error.message}")
    lines += [f"  page {page.page}: {page.error.code}: {page.error.message}" for page in record.page_errors]
    return "\n".join(lines)
