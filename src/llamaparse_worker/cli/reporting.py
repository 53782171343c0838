"""Tells the user how documents end: lines on stdout, a progress bar on stderr when that is a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from llamaparse_worker.errors import ErrorReport, every_error
from llamaparse_worker.model.job import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one document ended. ``seconds`` counts from the start of its work, waiting excluded."""

    file: str
    status: JobStatus
    error_code: str | None
    pages: int
    failed_pages: int
    seconds: float
    output: str | None


Advance = Callable[[], None]


class Reporter:
    """Prints one line a document."""

    def __init__(self, *, as_json: bool, advance: Advance) -> None:
        self._as_json = as_json
        self._advance = advance

    def ended(self, ending: Ending, error: ErrorReport | None = None) -> None:
        """Report one document; an error is explained on stderr."""
        if self._as_json:
            print(json.dumps(asdict(ending), ensure_ascii=False), flush=True)
        else:
            print(_line(ending), flush=True)
        if error:
            print(f"{ending.file}: {error.code}: {error.message}\n  {_next_step(error.code)}", file=sys.stderr)
        self._advance()


@contextmanager
def open_reporter(total: int, *, as_json: bool) -> Iterator[Reporter]:
    """Give a reporter for so many documents, with a progress bar where a person watches."""
    if not sys.stderr.isatty():
        yield Reporter(as_json=as_json, advance=lambda: None)
        return
    # Imported here: drawing costs 100 ms that a pipe need not pay.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("documents", total=total)
        yield Reporter(as_json=as_json, advance=lambda: progress.advance(task))


def _line(ending: Ending) -> str:
    pages = f"{ending.pages} pages" if ending.pages != 1 else "1 page"
    failed = f", {ending.failed_pages} failed" if ending.failed_pages else ""
    where = f"  {ending.output}" if ending.output else ""
    code = f"  {ending.error_code}" if ending.error_code else ""
    return f"{ending.status:9}  {ending.file}  {pages}{failed}, {ending.seconds:.2f} s{code}{where}"


def _next_step(code: str) -> str:
    return next((kind.next_step for kind in every_error() if kind.code == code), "")
