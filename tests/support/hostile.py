"""Sends a folder of hostile files through a daemon and reports what became of them: ``make hostile DIR=...``.

No file is looked at here: only the daemon's parser processes open them. The exit status is 1 when the daemon or a job
broke a promise: every job ends in a terminal status within the limits of time, no failure is an internal one, the
process tree keeps within its memory, the daemon lives and drains, no file stays behind where none belongs, and nothing
is sent to any address but loopback. The last is watched in a network namespace of its own, where every address in the
world leads to this process; where none can be had, the report says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from llamaparse_worker.app.backends import Backends, open_backends
from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.job import JobRecord, JobStatus
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.settings import LocalSettings, read
from llamaparse_worker.wire import JobMessage
from llamaparse_worker.worker.resources import read_process_tree
from support.daemon import Daemon, daemon, environment
from support.outbound import Outbound, own_network

POLL_S = 0.25
DRAIN_LIMIT_S = 40.0
SLOWEST = 5
GRACE_S = 2.0
PARSERS = 4
MAIN_PROCESS_BYTES = 512 << 20
PASSED_ON = (
    "PAGE_TIMEOUT_SECONDS",
    "JOB_TIMEOUT_SECONDS",
    "PARSER_MEMORY_LIMIT_BYTES",
    "PARSER_SANDBOX",
    "SPOOL_MAX_JOB_BYTES",
    "PLUGINS",
    "PYTHONPATH",
)


@dataclass(slots=True)
class Report:
    """What was seen."""

    files: Mapping[str, Path]
    """The file of each job."""
    records: dict[str, JobRecord] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long the daemon worked on each job."""
    peak_bytes: int = 0
    watched: bool = False
    """Whether what leaves this machine was seen."""
    violations: list[str] = field(default_factory=list)


class PeakMemory:
    """Samples the memory of a process tree, shared pages counted once."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample within this context."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(POLL_S):
            self.peak_bytes = max(self.peak_bytes, read_process_tree(self._pid).memory_bytes)


def run(files: Sequence[Path], state: Path, *, limit_s: float, p99_s: float, outbound: Outbound | None) -> Report:
    """Run all files through a daemon that lives in ``state``; this process takes on the daemon's environment."""
    home = state / "home"
    home.mkdir()
    env = environment(
        state,
        {
            "HOME": str(home),
            "TMPDIR": str(home),
            "PDF_JOB_QUEUE_CONCURRENCY": str(PARSERS),
            "PARSER_CONCURRENCY": str(PARSERS),
            "JOB_RETRY_DELAY_SECONDS": "1",
            "SWEEP_INTERVAL_SECONDS": "1",
            "LOG_FORMAT": "json",
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        },
    )
    os.environ.update(env)
    report = Report({f"hostile-{index:04d}": path for index, path in enumerate(files)}, watched=outbound is not None)
    with daemon(env, state) as running:
        memory = PeakMemory(running.process.pid)
        with memory.sampling():
            anyio.run(_send_and_wait, report, limit_s)
        report.peak_bytes = memory.peak_bytes
        _judge_end(running, report)
        report.seconds = _settled_seconds(running.log_path)
    _judge_jobs(report)
    _judge_time(report, p99_s)
    _judge_memory(report)
    _judge_files(state, report)
    report.violations += [f"sent to {target}" for target in sorted(outbound.targets)] if outbound else ()
    return report


async def _send_and_wait(report: Report, limit_s: float) -> None:
    async with open_backends(read(LocalSettings)) as backends:
        for job_id, path in report.files.items():
            await _send(backends, job_id, path)
        waiting = set(report.files)
        with anyio.move_on_after(limit_s):
            while waiting:
                for job_id in sorted(waiting):
                    record = await backends.jobs.get(job_id)
                    if record is not None:
                        report.records[job_id] = record
                waiting = {job for job in waiting if not _ended(report.records.get(job))}
                await anyio.sleep(POLL_S)


def shown(path: Path) -> str:
    """Give the name as text: a hostile name need not be valid UTF-8, and must not break the report."""
    return path.name.encode(errors="replace").decode()


async def _send(backends: Backends, job_id: str, path: Path) -> None:
    """Publish one file as any producer may, without a row, and past all that ``submit`` would refuse."""
    key = f"uploads/{job_id}"
    name = shown(path)
    message = JobMessage(job_id=job_id, source=key, file_name=name)
    body = message.model_dump_json(exclude_defaults=True).encode()
    await backends.objects.store(key, path, content_type="application/octet-stream")
    await backends.broker.publish(Message(body=body, id=job_id))


def _ended(record: JobRecord | None) -> bool:
    return record is not None and record.status.terminal


def _judge_end(running: Daemon, report: Report) -> None:
    """See that the daemon is alive, answers, and drains at once."""
    if running.process.poll() is not None:
        report.violations.append(f"the daemon ended with status {running.process.returncode}: {running.log()}")
        return
    if running.get("/livez")[0] != 200:
        report.violations.append("the daemon does not answer")
    started = time.monotonic()
    running.terminate()
    status = running.wait(DRAIN_LIMIT_S)
    if status != 0:
        report.violations.append(f"the drain ended with status {status} after {time.monotonic() - started:.1f} s")


def _judge_jobs(report: Report) -> None:
    for job_id, path in report.files.items():
        record = report.records.get(job_id)
        if record is None or not record.status.terminal:
            status = record.status if record else "unknown"
            report.violations.append(f"{shown(path)}: {status} at the end of the time limit")
        elif record.error and record.error.code == "INTERNAL_ERROR":
            report.violations.append(f"{shown(path)}: {record.error.message}")


def _judge_time(report: Report, p99_s: float) -> None:
    limit_s = read(LocalSettings).job_timeout_seconds + GRACE_S
    late = [job for job, seconds in report.seconds.items() if seconds > limit_s]
    report.violations += [f"{shown(report.files[job])}: {report.seconds[job]:.1f} s, beyond its limit" for job in late]
    if (found := quantile(report, 0.99)) > p99_s:
        report.violations.append(f"one job in a hundred takes {found:.1f} s or longer; {p99_s:g} s are allowed")


def _judge_memory(report: Report) -> None:
    allowed = MAIN_PROCESS_BYTES + PARSERS * read(ParserSettings).parser_memory_limit_bytes
    if report.peak_bytes > allowed:
        report.violations.append(f"the processes took {report.peak_bytes} bytes of memory, beyond {allowed}")


def quantile(report: Report, share: float) -> float:
    """Give the time within which this share of the jobs was done, in seconds."""
    times = sorted(report.seconds.values()) or [0.0]
    return times[min(len(times) - 1, int(share * len(times)))]


def _judge_files(state: Path, report: Report) -> None:
    """Find files where none belongs: left in the spool, in the home or temporary folder, or beside the results."""
    allowed = {f"results/{job_id}" for job_id in report.files} | {"uploads"}
    for folder in ("spool", "home"):
        left = [path for path in (state / folder).rglob("*") if not path.is_dir()]
        report.violations += [f"left behind: {path.relative_to(state)}" for path in left]
    objects = state / "objects"
    for path in objects.rglob("*"):
        place = path.relative_to(objects)
        if path.is_file() and not any(place.is_relative_to(folder) for folder in allowed):
            report.violations.append(f"left behind: {path.relative_to(state)}")


def _settled_seconds(log_path: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in log_path.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "job.settled" and event.get("job"):
            found[event["job"]] = max(float(event["seconds"]), found.get(event["job"], 0.0))
    return found


def lines_of(report: Report) -> Iterator[str]:
    """Give the report as lines of text."""
    ended = Counter((record.status, record.error.code if record.error else "") for record in report.records.values())
    yield f"{'status':10} {'code':26} files"
    for (status, code), count in sorted(ended.items()):
        yield f"{status:10} {code:26} {count:5}"
    failed_pages = sum(record.progress.failed for record in report.records.values())
    completed = sum(record.status is JobStatus.COMPLETED for record in report.records.values())
    yield f"{len(report.files)} files, {completed} completed, {failed_pages} failed pages"
    slowest = sorted(report.seconds, key=lambda job: report.seconds[job], reverse=True)[:SLOWEST]
    yield "slowest: " + ", ".join(f"{shown(report.files[job])} {report.seconds[job]:.1f} s" for job in slowest)
    yield f"times: half within {quantile(report, 0.5):.2f} s, 99 % within {quantile(report, 0.99):.2f} s"
    yield "every packet was watched" if report.watched else "no namespace could be had: packets were not watched"
    yield f"peak memory of the process tree: {report.peak_bytes / 1024**2:.0f} MiB"
    yield from (f"VIOLATION {violation}" for violation in report.violations)
    yield "every promise was kept" if not report.violations else f"{len(report.violations)} promises were broken"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="for all files together")
    parser.add_argument("--p99", type=float, default=5.0, metavar="SECONDS", help="for 99 of 100 files, each")
    args = parser.parse_args()
    files = sorted(path.resolve() for path in args.folder.rglob("*") if path.is_file())
    if not files:
        print(f"no files in {args.folder}", file=sys.stderr)  # noqa: T201 - a command
        return 64
    with own_network() as outbound, tempfile.TemporaryDirectory(prefix="hostile-") as state:
        report = run(files, Path(state), limit_s=args.limit, p99_s=args.p99, outbound=outbound)
    print("\n".join(lines_of(report)))  # noqa: T201 - a command
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
