"""Goes through the dead letters of the configured broker, and prints what they are or what became of them."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass

from llamaparse_worker.app.backends import open_broker, open_jobs
from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.interfaces import DeadLetter, Message
from llamaparse_worker.model.dead_letter import Death, death_of
from llamaparse_worker.model.job import DueJob, JobRecord, Reopening
from llamaparse_worker.settings import LocalSettings, read
from llamaparse_worker.worker.dead_letters import job_id_of, retry

_HIDDEN = "(hidden)"
_SECRET = frozenset({"headers", "signing_secret", "webhook_headers", "webhook_signing_secret"})
_SHORT_LENGTH = 80


@dataclass(frozen=True, slots=True)
class _Row:
    """A dead letter as it is printed."""

    id: str
    """The job's; the message's where it is no job."""
    message: Message
    death: Death

    @classmethod
    def of(cls, letter: DeadLetter) -> _Row:
        """Read a dead letter."""
        message = letter.message
        return cls(job_id_of(message) or message.id, message, death_of(message.headers))


async def list_letters(limit: int, as_json: bool) -> int:  # noqa: FBT001 - called through anyio.run
    """Print up to ``limit`` dead letters, oldest first, and say whether there are more."""
    shown = 0
    async with open_broker(read(LocalSettings)) as broker, broker.take_dead_letters() as letters:
        async for letter in letters:
            if shown == limit:
                print(f"there are more: --limit shows more than {limit}", file=sys.stderr)
                break
            row = _Row.of(letter)
            print(json.dumps(_facts(row)) if as_json else _line(row))
            shown += 1
    return ExitStatus.OK


async def show_letters(job_id: str) -> int:
    """Print every dead letter of a job, and its row."""
    chosen = frozenset({job_id})
    found = 0
    settings = read(LocalSettings)
    async with open_jobs(settings) as jobs, open_broker(settings) as broker, broker.take_dead_letters() as letters:
        await jobs.migrate()
        record = await jobs.get(job_id)
        async for letter in _among(letters, chosen):
            print(_described(_Row.of(letter), record))
            found += 1
    return ExitStatus.OK if found else _missing(chosen)


async def retry_letters(chosen: Collection[str] | None) -> int:
    """Put the jobs of the named dead letters back, or of all; one line each."""
    found: set[str] = set()
    settings = read(LocalSettings)
    async with open_jobs(settings) as jobs, open_broker(settings) as broker, broker.take_dead_letters() as letters:
        await jobs.migrate()
        async for letter in _among(letters, chosen):
            row = _Row.of(letter)
            done = _told(await retry(letter, broker=broker, jobs=jobs))
            print(f"{_printable(row.id) or '-'}  {done}", flush=True)
            found |= {row.id, row.message.id}
    return _missing(set(chosen or ()) - found)


async def drop_letters(chosen: Collection[str] | None) -> int:
    """Delete the named dead letters, or all; one line each."""
    found: set[str] = set()
    async with open_broker(read(LocalSettings)) as broker, broker.take_dead_letters() as letters:
        async for letter in _among(letters, chosen):
            row = _Row.of(letter)
            await letter.remove()
            print(f"{_printable(row.id) or '-'}  dropped", flush=True)
            found |= {row.id, row.message.id}
    return _missing(set(chosen or ()) - found)


async def _among(letters: AsyncIterator[DeadLetter], chosen: Collection[str] | None) -> AsyncIterator[DeadLetter]:
    """Give the letters with one of these ids; all for None. A job may have several."""
    async for letter in letters:
        if chosen is None or letter.message.id in chosen or job_id_of(letter.message) in chosen:
            yield letter


def _missing(ids: Collection[str]) -> int:
    for job_id in sorted(ids):
        print(f"there is no dead letter of {_printable(job_id)}", file=sys.stderr)
    return ExitStatus.DATA if ids else ExitStatus.OK


def _told(found: Reopening) -> str:
    match found:
        case DueJob():
            return "queued again"
        case None:
            return "queued as it came: the job store does not know it"
        case status:
            return f"is {status} already; only its dead letter was removed"


def _facts(row: _Row) -> dict[str, object]:
    death = row.death
    return {
        "job": row.id,
        "died_at": death.at.isoformat() if death.at else None,
        "code": death.code,
        "attempts": death.attempt,
        "worker": death.worker or None,
        "error": death.message,
    }


def _line(row: _Row) -> str:
    death = row.death
    error = _printable(death.message)
    short = error if len(error) <= _SHORT_LENGTH else f"{error[: _SHORT_LENGTH - 1]}…"
    when = death.at.isoformat(sep=" ", timespec="seconds") if death.at else "-"
    columns = (row.id or "-", when, death.code, str(death.attempt), death.worker or "-")
    return "  ".join((*map(_printable, columns), short)).rstrip()


def _described(row: _Row, record: JobRecord | None) -> str:
    facts = [f"{name:<9} {_printable(str(value))}" for name, value in _facts(row).items() if value is not None]
    headers = [f"  {_printable(name)}: {_printable(text)}" for name, text in sorted(row.message.headers.items())]
    lines = [*facts, f"{'message':<9} {_printable(row.message.id) or '-'}", f"{'row':<9} {_state(record)}"]
    return "\n".join([*lines, "headers", *headers, "body", *_body(row.message.body), ""])


def _state(record: JobRecord | None) -> str:
    if record is None:
        return "none: the job store does not know this job"
    error = f", {record.error.code}: {record.error.message}" if record.error else ""
    return _printable(f"{record.status}, attempt {record.attempt}, {record.file_name}{error}")


def _body(body: bytes) -> list[str]:
    """Give the lines of a body: indented where it is JSON."""
    text = body.decode(errors="replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(_without_secrets(json.loads(text)), indent=2, ensure_ascii=False)
    return [f"  {_printable(line)}" for line in text.splitlines()]


def _without_secrets(value: object) -> object:
    """Hide what webhooks are signed and called with; the dead letter itself keeps it, to be retried."""
    match value:
        case dict():
            return {key: _HIDDEN if key in _SECRET and one else _without_secrets(one) for key, one in value.items()}
        case list():
            return [_without_secrets(one) for one in value]
        case _:
            return value


def _printable(text: str) -> str:
    """Replace what a terminal would obey: names and texts come from whoever sent the message."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
