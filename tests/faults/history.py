"""What was seen of a run from outside, and what it must not show: the one judge of all faults.

The job store's turns are recorded by a trigger in the database, events by a queue that listens to the exchange, result
files and dead letters are read at the end. Nothing here asks a worker.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

RESULT_FILES = frozenset({"result.md", "result.txt", "result.json", "manifest.json"})
COMPLETED, FAILED, EITHER = frozenset({"COMPLETED"}), frozenset({"FAILED"}), frozenset({"COMPLETED", "FAILED"})
TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
_CALLED_AS = {"COMPLETED": "parse.success", "FAILED": "parse.error", "CANCELLED": "parse.cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A job whose message the broker confirmed."""

    id: str
    mark: str
    """Text of its document that must stand in its result."""
    pages: int
    ends: frozenset[str] = COMPLETED
    """The terminal states that are right for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of a job's row: of its status, its lease or its attempts."""

    at: datetime
    job: str
    was: str | None
    """The status before; None where the row was created."""
    status: str
    attempt: int
    token: str | None
    lease_was_until: datetime | None
    """Until when the lease before ran."""

    @property
    def claims(self) -> bool:
        """Whether a worker was given the job."""
        return self.status == "RUNNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job's row at the end."""

    status: str
    attempt: int
    result_prefix: str | None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a listener received it."""

    id: str
    job: str
    status: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call as a webhook received it and took it."""

    id: str
    job: str
    event: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    job: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A run."""

    accepted: Mapping[str, Accepted]
    turns: Sequence[Turn]
    rows: Mapping[str, Row]
    texts: Mapping[str, str]
    """``result.txt`` of every job with a result."""
    files: frozenset[str]
    """The keys of all result files."""
    events: Sequence[Told]
    letters: Sequence[Letter]
    calls: Sequence[Called] | None = None
    """What the webhook of every job received; None where none was named."""
    pages_read: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """The pages of each job in the order in which parser processes read them, of whatever attempt."""

    def turns_of(self, job: str) -> list[Turn]:
        """Give the turns of one job, oldest first."""
        return [turn for turn in self.turns if turn.job == job]

    def claims_of(self, job: str) -> int:
        """Count how often a worker was given the job."""
        return sum(turn.claims for turn in self.turns_of(job))

    @property
    def wasted_share(self) -> float:
        """Pages that were read beyond once each, as a share of the pages that there are."""
        needed = sum(job.pages for job in self.accepted.values())
        read = sum(len(pages) for pages in self.pages_read.values())
        once = sum(len(set(pages)) for pages in self.pages_read.values())
        return (read - once) / needed


def violations(history: History, *, max_attempts: int) -> list[str]:
    """Give each promise that was broken, in words; empty for a good run."""
    turns: dict[str, list[Turn]] = {job: [] for job in history.accepted}
    told: dict[str, list[Told]] = {job: [] for job in history.accepted}
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for key in history.files:
        folder, _, name = key.rpartition("/")
        folders[folder].add(name)
    found = [f"{job} was never published" for job in history.rows.keys() - history.accepted.keys()]
    for turn in history.turns:
        turns.setdefault(turn.job, []).append(turn)
    for event in history.events:
        told.setdefault(event.job, []).append(event)
    for job in history.accepted.values():
        row = history.rows.get(job.id)
        if row is None or row.status not in TERMINAL:
            found.append(f"{job.id} is lost: {row.status if row else 'no row'}")
            continue
        found += _wrong_life(job.id, turns[job.id], max_attempts)
        found += _wrong_end(job, row, turns[job.id], history, folders[row.result_prefix or ""])
        found += _wrong_events(job.id, row, told[job.id])
        if history.calls is not None:
            found += _wrong_calls(job.id, row, told[job.id], [call for call in history.calls if call.job == job.id])
    return found + list(_wrong_letters(history))


def _wrong_life(job: str, turns: Sequence[Turn], max_attempts: int) -> Iterator[str]:
    ended = [turn for turn in turns if turn.status in TERMINAL]
    if len(ended) != 1 or turns[-1] is not ended[0]:
        yield f"{job} did not end once and for all: {[turn.status for turn in turns]}"
    for turn in turns:
        live = turn.lease_was_until is not None and turn.lease_was_until > turn.at
        if turn.claims and turn.was == "RUNNING" and live:
            yield f"{job} was claimed while another lease was live"
        if turn.attempt > max_attempts:
            yield f"{job} began attempt {turn.attempt} of {max_attempts}"


def _wrong_end(
    job: Accepted, row: Row, turns: Sequence[Turn], history: History, names: AbstractSet[str]
) -> Iterator[str]:
    if row.status not in job.ends:
        yield f"{job.id} is {row.status} ({row.error_code})"
    if row.status != "COMPLETED":
        return
    prefix = f"{row.result_prefix}/"
    if names != RESULT_FILES:
        yield f"{job.id} points to a result of {sorted(names)}"
    if job.mark not in history.texts.get(job.id, ""):
        yield f"{job.id} has the result of another document"
    last = next((turn for turn in reversed(turns) if turn.claims), None)
    winner = f"/{last.attempt}-{(last.token or '')[:8]}/" if last else "no claim"
    if not prefix.endswith(winner):
        yield f"{job.id} shows {prefix}, but its last lease was {winner}: a stale write was accepted"


def _wrong_events(job: str, row: Row, told: Sequence[Told]) -> Iterator[str]:
    if len({event.id for event in told}) != 1 or {event.status for event in told} != {row.status}:
        yield f"{job} is {row.status}, and was told as {sorted({(event.id, event.status) for event in told})}"


def _wrong_calls(job: str, row: Row, told: Sequence[Told], calls: Sequence[Called]) -> Iterator[str]:
    right = {(event.id, _CALLED_AS[row.status]) for event in told}
    if {(call.id, call.event) for call in calls} != right:
        yield f"{job} is {row.status}, and its webhook heard {sorted({(call.id, call.event) for call in calls})}"


def _wrong_letters(history: History) -> Iterator[str]:
    for job, count in Counter(letter.job for letter in history.letters).items():
        accepted = history.accepted.get(job)
        if accepted and "FAILED" not in accepted.ends:
            yield f"{job} is innocent, and lies {count} times among the dead letters"
