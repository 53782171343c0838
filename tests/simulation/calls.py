"""What a history is made of: calls that had their effect, and marks of what befell whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llamaparse_worker.model.job import Lease, OutboxEvent, OwedLetter
from llamaparse_worker.model.ranges import RangeLease
from llamaparse_worker.wire import JobEvent


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reached its backend. ``clock`` is what the job store's clock said, in seconds."""

    at: float
    clock: float
    process: int
    name: str
    arguments: tuple[object, ...]
    options: Mapping[str, object]
    answer: object
    files: tuple[str, ...] = ()
    """For ``finish``: the objects below the result's prefix in that moment."""

    @property
    def job(self) -> str | None:
        """The job that the call is about."""
        subject = self.arguments[0] if self.arguments else None
        if isinstance(subject, Lease | RangeLease):
            return subject.job_id
        if isinstance(subject, OutboxEvent):
            return JobEvent.model_validate_json(subject.body).job_id
        if isinstance(subject, OwedLetter):
            return subject.job_id
        return subject if isinstance(subject, str) else getattr(subject, "id", None)

    def __str__(self) -> str:
        return f"{self.at:9.3f} process {self.process}: {self.name} {self.job or ''} -> {self.answer!r}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A fault, or another turn of the run that is no call."""

    at: float
    process: int
    text: str

    def __str__(self) -> str:
        return f"{self.at:9.3f} process {self.process}: *** {self.text}"
