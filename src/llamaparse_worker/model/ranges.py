"""Page ranges: the parts of a large job, each the work of one worker at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from llamaparse_worker.model.job import PageError, Progress, Refusal


@dataclass(frozen=True, slots=True, order=True)
class PageRange:
    """The selected pages of a document from ``first`` to ``last``, both from 1 and included."""

    first: int
    last: int


def divided(pages: Sequence[int], most: int) -> tuple[PageRange, ...]:
    """Cut pages, ascending, into as few ranges as have ``most`` of them or fewer each, all of about the same size."""
    count = -(-len(pages) // most)
    cuts = [len(pages) * number // count for number in range(count + 1)]
    return tuple(PageRange(pages[at], pages[end - 1]) for at, end in pairwise(cuts))


@dataclass(frozen=True, slots=True)
class Split:
    """A document that is too large for one attempt, and how it is shared out."""

    ranges: tuple[PageRange, ...]
    total: int
    """How many pages are selected."""


class RangeStatus(StrEnum):
    """The life of a range: PENDING → RUNNING → one of the other two."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    """Its pages are stored, or left to the attempt that assembles the job."""
    FAILED = "FAILED"
    """Each of its attempts was lost with its worker."""


@dataclass(frozen=True, slots=True)
class RangeLease:
    """The right of one worker to write about one range until it expires. Every write names the token (fencing)."""

    job_id: str
    pages: PageRange
    token: str
    attempt: int
    """From 1; counted before the document is opened, for this range alone."""
    progress: Progress
    """How far an earlier attempt was when it last told."""

    @property
    def resumes(self) -> bool:
        """Whether an earlier attempt may have left pages. One that was given back has not been counted."""
        return self.attempt > 1 or self.progress.done > 0

    @property
    def mark(self) -> str:
        """Begin the names of all that attempts at this range store, and of nothing else."""
        return f"p{self.pages.first}-"

    @property
    def folder(self) -> str:
        """Begin the names of what this lease stores."""
        return f"{self.mark}{self.attempt}-{self.token[:8]}"


RangeClaim = RangeLease | Refusal | None
"""What claiming a range gives: a lease, why there is none, or None for a job that nobody knows."""


@dataclass(frozen=True, slots=True)
class DueRange:
    """A waiting range whose message must be published (again), and the original message of its job."""

    job_id: str
    first_page: int
    attempt: int
    """The attempts counted so far: names this wait, so that a late confirmation cannot end a newer one."""
    body: bytes
    headers: Mapping[str, str]
    released: str = ""
    """The token of the lease whose release began this wait; empty for others."""


@dataclass(frozen=True, slots=True)
class RangeRecord:
    """What is known of a range, for the attempt that assembles its job."""

    pages: PageRange
    status: RangeStatus
    page_errors: tuple[PageError, ...] = ()
    """Why pages of it failed alone."""
