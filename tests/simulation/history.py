"""The history of a run: every call that had its effect on a backend, in order; and what it must not show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from llamaparse_worker.errors import AttemptsExhausted, every_error
from llamaparse_worker.model.job import (
    Job,
    JobRecord,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    Refusal,
)
from llamaparse_worker.pipeline.checkpoints import FOLDER as CHECKPOINTS
from llamaparse_worker.worker.upkeep import BURY_WITHIN_S
from simulation.calls import Call, Mark
from simulation.documents import POISONOUS_PAGE, page_of
from simulation.network import RANGES
from simulation.range_history import RangesLife

MANIFEST = "manifest.json"
KILLED, DRAINING, CUT_OFF = "is killed", "is told to drain", "loses its connection to the broker"
FATES = frozenset({KILLED, DRAINING, CUT_OFF})
"""What marks tell of a process that may end no delivery that it has."""
_OWING = {error.code for error in every_error() if error.retryable} | {AttemptsExhausted.code}
"""Codes of jobs that another try may help: these have a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended."""

    stuck: bool
    """Whether jobs, messages or events were left when the time was over."""
    records: Mapping[str, JobRecord | None]
    """The row of every job that was accepted."""
    files: Mapping[str, bytes]
    poison: frozenset[str]
    """Jobs that kill every worker that opens them."""
    letters: Sequence[str]
    """The job of each dead letter."""
    failures: Sequence[str]
    """Internal errors that were logged or raised."""
    leftovers: Sequence[str]
    """What lies in the spool folder."""
    lengths: Mapping[str, int]
    """How many pages the jobs have that were opened with checkpoints."""


def violations(history: Sequence[Call | Mark], ending: Ending, *, max_attempts: int, tenant_limit: int) -> list[str]:
    """Give each promise that was broken, in words; empty for a good run."""
    calls = _by_job(history, ending.records)
    found = [f"internal error: {failure}" for failure in ending.failures]
    found += [f"left in the spool folder: {name}" for name in ending.leftovers]
    found += _crowds(history, tenant_limit)
    if ending.stuck:
        found.append("the run came to no rest: something is stuck")
    for job, record in ending.records.items():
        life = _Life(job, max_attempts, RangesLife(job, max_attempts))
        for call in calls[job]:
            life.follow(call)
        found += life.wrong + life.ranges.wrong
        if record is None or not record.status.terminal:
            found.append(f"{job} is lost: {record.status if record else 'no row'}")
            continue
        found += _wrong_end(record, life, ending, max_attempts=max_attempts)
        found += _tried_again(job, life, history, max_attempts)
        found += _left_behind(record, life, history, ending)
        found += _wrong_events(record, calls[job])
        found += _wrong_letters(record, calls[job], ending)
    return found


def _by_job(history: Sequence[Call | Mark], jobs: Collection[str]) -> dict[str, list[Call]]:
    """Give the calls about each job, in order; a call that is about several stands with each of them."""
    calls: dict[str, list[Call]] = {job: [] for job in jobs}
    for call in history:
        if not isinstance(call, Call):
            continue
        if call.name == "owed_letters":
            for letter in call.answer if isinstance(call.answer, tuple) else ():
                calls[letter.job_id].append(call)
        elif call.name in {"sweep", f"{RANGES}sweep"}:
            for of_job in calls.values():
                of_job.append(call)
        elif call.job in calls:
            calls[call.job].append(call)
    return calls


@dataclass(slots=True)
class _Life:
    """One job as its calls tell it: who may write about it, and whether anyone else did."""

    job: str
    max_attempts: int
    ranges: RangesLife
    token: str | None = None
    until: float = 0.0
    charged: int = 0
    ended: JobStatus | None = None
    ended_at: float = 0.0
    ended_by: int = 0
    """The process whose call ended it."""
    wrong: list[str] = field(default_factory=list)

    def follow(self, call: Call) -> None:
        if call.name.startswith(RANGES):
            self._follow_ranges(call)
            return
        match call.name, call.answer:
            case "claim", Lease() as lease:
                self._granted(call, lease)
            case "sweep", int():
                self._swept(call)
            case "claim", Refusal.POSTPONED:
                self.token = None
            case "claim", Refusal.EXHAUSTED:
                self._end(call, JobStatus.FAILED, "given up")
            case "renew", JobStatus.RUNNING:
                self._written(call)
                self.until = _until(call)
            case "finish", True:
                self._written(call)
                self._finished(call)
            case ("retry_later" | "release") as way, True:
                self._written(call)
                self.token = None
                self.charged -= way == "release"
            case "cancel", JobStatus.CANCELLED if self.ended is not JobStatus.CANCELLED:
                self._end(call, JobStatus.CANCELLED, "cancelled")
            case _:
                pass

    def _swept(self, call: Call) -> None:
        """What has expired is free, also when the clock goes back afterwards."""
        if call.clock >= self.until:
            self.token = None
        if call.clock >= self.ranges.until:
            self.ranges.until = 0.0

    def _follow_ranges(self, call: Call) -> None:
        """A split takes the lease from its worker, and uncounts the attempt; ranges mean nothing after the end."""
        if call.name == f"{RANGES}split" and call.answer is True:
            self._written(call)
            self.token = None
            self.charged -= 1
        elif self.ended and call.answer is True and call.name in {f"{RANGES}finish", f"{RANGES}split"}:
            self.wrong.append(f"{self.job}: {call.name} was accepted after its end")
        self.ranges.follow(call)

    def _granted(self, call: Call, lease: Lease) -> None:
        self.charged += 1
        if not self.ranges.done and call.clock < self.ranges.until:
            self.wrong.append(f"{self.job} was claimed while its ranges were read")
        if self.ended:
            self.wrong.append(f"{self.job} was claimed after its end")
        if self.token and call.clock < self.until:
            self.wrong.append(f"{self.job} was claimed while another lease was live")
        if lease.attempt != self.charged or self.charged > self.max_attempts:
            self.wrong.append(f"{self.job}: attempt {lease.attempt} is number {self.charged} of {self.max_attempts}")
        self.token, self.until = lease.token, _until(call)

    def _written(self, call: Call) -> None:
        lease = call.arguments[0]
        if not isinstance(lease, Lease) or lease.token != self.token:
            self.wrong.append(f"{self.job}: {call.name} was accepted from a stale lease")

    def _finished(self, call: Call) -> None:
        result = call.arguments[1]
        assert isinstance(result, JobResult)
        self._end(call, result.status, "finished")
        if result.status is JobStatus.COMPLETED and MANIFEST not in {key.rpartition("/")[2] for key in call.files}:
            self.wrong.append(f"{self.job} was finished before its result was stored whole")

    def _end(self, call: Call, status: JobStatus, how: str) -> None:
        if self.ended:
            self.wrong.append(f"{self.job} was {how} after its end")
        self.ended, self.ended_at, self.ended_by, self.token = status, call.at, call.process, None


def _until(call: Call) -> float:
    lease_s = call.options["lease_s"]
    assert isinstance(lease_s, float)
    return call.clock + lease_s


def _wrong_end(record: JobRecord, life: _Life, ending: Ending, *, max_attempts: int) -> list[str]:
    found = []
    if record.status is not life.ended:
        found.append(f"{record.id} is {record.status}, but ended {life.ended}")
    if record.status is JobStatus.COMPLETED:
        prefix = f"{record.result_prefix}/"
        files = {key.removeprefix(prefix): content for key, content in ending.files.items() if key.startswith(prefix)}
        if MANIFEST not in files or len({content for name, content in files.items() if name != MANIFEST}) != 1:
            found.append(f"{record.id}: the visible result is not that of one attempt: {sorted(files)}")
        if record.id in ending.lengths and not _whole(record.id, _pages(files), life, ending):
            found.append(f"{record.id}: the result is not the pages of its document: {_pages(files)}")
        if record.id in ending.poison and POISONOUS_PAGE not in life.ranges.lost:
            found.append(f"{record.id} completed, though nothing can parse it")
    elif record.result_prefix is not None:
        found.append(f"{record.id} is {record.status} and shows a result")
    given_up = record.error is not None and record.error.code == "ATTEMPTS_EXHAUSTED"
    if given_up and life.charged < max_attempts:
        found.append(f"{record.id} was given up after {life.charged} attempts")
    return found


def _pages(files: Mapping[str, bytes]) -> list[bytes]:
    """Give the pages in the visible result, behind the number of its parsing."""
    return files.get("result.md", b"").split(b"\n")[1:]


def _whole(job: str, pages: list[bytes], life: _Life, ending: Ending) -> bool:
    """Tell whether the pages are those of the document; ranges of one page that no worker survived may be missing."""
    expected = {number: page_of(job, number) for number in range(1, ending.lengths[job] + 1)}
    return pages == [page for number, page in expected.items() if number not in life.ranges.lost or page in pages]


def poisoned_by(job: str) -> str:
    """Say in a mark what has killed a process."""
    return f"has read {job}, which is poison"


def _tried_again(job: str, life: _Life, history: Sequence[Call | Mark], max_attempts: int) -> list[str]:
    """Count whom a page has killed that was given up: each attempt at its range, and nobody else."""
    killed = sum(isinstance(mark, Mark) and mark.text == poisoned_by(job) for mark in history)
    if POISONOUS_PAGE in life.ranges.lost and killed > max_attempts:
        return [f"{job} was read again though no range survived it"]
    return []


def _left_behind(record: JobRecord, life: _Life, history: Sequence[Call | Mark], ending: Ending) -> list[str]:
    """Find checkpoints that nobody removed.

    Two kinds may be left: what comes when the job has ended already, and those of a job ended by a process that was
    then killed, drained or cut off, when its message had gone to another process before.
    """
    if any(isinstance(mark, Mark) and mark.process == life.ended_by and mark.text in FATES for mark in history):
        return []
    below = f"results/{record.id}/{CHECKPOINTS}/"
    late = {
        call.arguments[0]
        for call in history
        if isinstance(call, Call) and call.name == "put" and call.at >= life.ended_at
    }
    return [f"left behind: {key}" for key in ending.files if key.startswith(below) and key not in late]


def _wrong_events(record: JobRecord, calls: Sequence[Call]) -> list[str]:
    events = [call.arguments[0] for call in calls if call.name == "announce"]
    told = {(event.id, event.kind) for event in events if isinstance(event, OutboxEvent)}
    if len(told) == 1 and {kind for _, kind in told} == {f"job.{record.status.lower()}"}:
        return []
    return [f"{record.id} is {record.status}, and the events told are {sorted(kind for _, kind in told)}"]


def _crowds(history: Sequence[Call | Mark], limit: int) -> list[str]:
    """Look for claims that were granted while the tenant had as many live leases as it may."""
    live: dict[str, float] = {}
    found = []
    for call in history:
        if not isinstance(call, Call):
            continue
        if call.name == "sweep":
            live = {job: until for job, until in live.items() if until > call.clock}
        match call.name, call.answer:
            case "claim", Lease():
                job = call.arguments[0]
                if not isinstance(job, Job) or job.tenant is None:
                    continue
                live.pop(job.id, None)
                if sum(until > call.clock for until in live.values()) >= limit:
                    found.append(f"{job.id}: more than {limit} of one tenant run at once")
                live[job.id] = _until(call)
            case "renew", JobStatus.RUNNING if call.job in live:
                live[call.job] = _until(call)
            case ("finish" | "retry_later" | "release" | "ranges.split", True) | ("cancel", JobStatus.CANCELLED) if (
                call.job
            ):
                live.pop(call.job, None)
            case _:
                pass
    return found


def owes_letter(record: JobRecord) -> bool:
    """Tell whether a job ended so that its message must be among the dead letters."""
    return record.status is JobStatus.FAILED and record.error is not None and record.error.code in _OWING


def _wrong_letters(record: JobRecord, calls: Sequence[Call], ending: Ending) -> list[str]:
    """Look for the dead letter: one where its writer was heard in time, none where trying again would not help."""
    letters = ending.letters.count(record.id)
    if not owes_letter(record):
        return [f"{record.id} is {record.status} and has a dead letter"] if letters else []
    if not letters:
        return [f"{record.id} is {record.status} without its dead letter"]
    taken: float | None = None
    written, found = 0, []
    for call in calls:
        match call.name:
            case "owed_letters":
                if taken is not None and call.clock < taken:
                    found.append(f"{record.id}: a dead letter was taken while another worker wrote it")
                taken = call.clock + BURY_WITHIN_S
                written -= 1
            case "bury":
                written += 1
            case "buried":
                taken = float("inf")
            case _:
                pass
    if written > 0:
        found.append(f"{record.id} has more dead letters than were taken")
    return found
