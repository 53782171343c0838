"""The seams of the worker: small Protocols, and nothing that implements one.

``async def`` waits on I/O and runs on the event loop. Plain ``def`` burns CPU and is called in a parser process or a
thread, under a limit. A plugin imports this module, ``model``, ``errors``, ``limits`` and ``testing``: together they
are the public interface, versioned by ``API_VERSION``.

Every backend is offered as a ``Component``: its settings model and the async context manager that yields the interface.
Readers and writers, which live in parser processes, are plain callables without arguments.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.job import (
    Claim,
    DueJob,
    Job,
    JobRecord,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    Progress,
    Reopening,
    SourceRef,
    StoreCounts,
)
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import (
    EmbeddedImage,
    FailedPage,
    FormField,
    LaidOutPage,
    ParsedPage,
    PixelImage,
    RawPage,
    Recognition,
    Remark,
)
from llamaparse_worker.model.parsing import ParserEvent, ParserRequest
from llamaparse_worker.model.shapes import Shapes

API_VERSION = 1

S = TypeVar("S", bound=BaseModel)
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Component(Generic[S, T_co]):
    """What an entry point names: how to open a backend. Components open in order and close in reverse."""

    settings: type[S]
    """A frozen model; each field is the variable of the same name in capitals."""
    open: Callable[[S], AbstractAsyncContextManager[T_co]]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the broker carries it."""

    body: bytes
    id: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Delivery(Protocol):
    """One message in the hands of this worker. Exactly one of the three settling calls is made, once.

    Raises:
        BackendUnavailable: the broker is away; the message will come again.
    """

    @property
    def message(self) -> Message:
        """The message as published."""
        ...

    async def acknowledge(self) -> None:
        """Remove the message: its effect is durable elsewhere."""
        ...

    async def requeue(self) -> None:
        """Give the message back, to be delivered again at once, here or elsewhere."""
        ...

    async def dead_letter(self, *, code: str, reason: str, attempt: int = 0, worker: str = "") -> None:
        """Move the message to the dead-letter queue, with the headers of ``model.dead_letter.Death`` and the time."""
        ...


class DeadLetter(Protocol):
    """One dead letter in the hands of an operator's command."""

    @property
    def message(self) -> Message:
        """The message with its own headers and those that tell of its death."""
        ...

    async def remove(self) -> None:
        """Delete it for good; one that has gone meanwhile is fine.

        Raises:
            BackendUnavailable: the broker is away; the dead letter may still be there.
        """
        ...


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue of the family. ``unacknowledged`` is None where the broker does not tell."""

    name: str
    ready: int
    unacknowledged: int | None
    consumers: int
    healthy: bool = True


class Broker(Protocol):
    """A durable queue with leases and dead letters. Every call may raise ``BackendUnavailable``."""

    async def publish(self, message: Message) -> None:
        """Append to the job queue; returns once the message is durable."""
        ...

    async def announce(self, event: OutboxEvent) -> None:
        """Tell the event to whoever listens, at least once; that nobody does is fine."""
        ...

    def consume(self, *, prefetch: int) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Take messages, never more than ``prefetch`` unsettled ones at once.

        The iterator ends when the context is left. Deliveries that were taken stay settleable until the broker
        component itself closes; those not yet taken from the iterator are given back when the context is left.
        """
        ...

    async def depths(self) -> Sequence[QueueDepth]:
        """Count the queues of the job family; dead letters are not among them."""
        ...

    async def dead_letters(self, *, limit: int) -> Sequence[Message]:
        """Show up to ``limit`` dead letters, oldest first, without removing them."""
        ...

    def take_dead_letters(self) -> AbstractAsyncContextManager[AsyncIterator[DeadLetter]]:
        """Go through the dead letters that are there now, oldest first; those that come meanwhile are left out.

        Each may be removed until the context is left; then the others are where they were. Meanwhile another client
        may not see them.
        """
        ...

    async def ping(self) -> str:
        """Give the product and version when it answers."""
        ...


class JobStore(Protocol):
    """The durable state of every job. Every call may raise ``BackendUnavailable``.

    Times are aware datetimes in UTC, taken from the store's own clock where leases are compared.
    """

    async def submit(self, job: Job, *, body: bytes, headers: Mapping[str, str], publish_within_s: float) -> DueJob:
        """Create the row PENDING with the message body (kept for publishing it again); a known id is left alone.

        The caller then publishes the message and confirms with ``published``. If it dies in between, the job is due
        after ``publish_within_s`` seconds and any worker publishes it.
        """
        ...

    async def claim(
        self, job: Job, *, body: bytes, headers: Mapping[str, str], lease_s: float, max_attempts: int
    ) -> Claim:
        """Take the job in one conditional upsert: create the row if no one did, count the attempt, set lease and token.

        Gives the lease, or why there is none. A PENDING row whose ``next_run_at`` is not ahead (a duplicate must not
        cut the pause before a retry short), or a RUNNING one whose lease expired, is claimed; with
        its attempts used up it is set FAILED (``ATTEMPTS_EXHAUSTED``) instead.
        """
        ...

    async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease and store the progress. Gives RUNNING; any other status means: stop at once.

        CANCELLED and the other terminal ones are the job's own; PENDING means that the lease is lost.
        """
        ...

    async def finish(self, lease: Lease, result: JobResult, *, events: Sequence[OutboxEvent]) -> bool:
        """Write the terminal state and its events in one transaction. False: the lease is lost, nothing was written."""
        ...

    async def retry_later(self, lease: Lease, *, delay_s: float, reason: str) -> bool:
        """Back to PENDING with ``next_run_at``; the attempt stays counted. False: the lease is no longer ours."""
        ...

    async def release(self, lease: Lease, *, publish_within_s: float) -> bool:
        """Back to PENDING and uncount the attempt (drain). False: the lease is no longer ours.

        The caller then requeues the message and confirms with ``published``, as after ``submit``.
        """
        ...

    async def cancel(self, job_id: str) -> JobStatus:
        """Set CANCELLED unless terminal already, with the event ``job.cancelled`` in the outbox; gives the status.

        An unknown id gets a CANCELLED row: a later claim does no work.
        """
        ...

    async def reopen(self, job_id: str, *, publish_within_s: float) -> Reopening:
        """Put a FAILED job back to PENDING, with all its attempts before it again; their numbers count on.

        The caller then publishes the message and confirms with ``published``, as after ``submit``. A job that is
        PENDING without a time to wait for is given too, unchanged: whether it has a message is not known. Any other
        one is left alone and its status given; None is an unknown one.
        """
        ...

    async def get(self, job_id: str) -> JobRecord | None:
        """Read one row."""
        ...

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueJob]:
        """Take PENDING jobs that need a message: their ``next_run_at`` has passed, or a publisher did not confirm.

        They belong to the caller for ``publish_within_s`` seconds; unconfirmed by then, they are due again.
        """
        ...

    async def published(self, job: DueJob) -> None:
        """Note that the broker confirmed the message of a job.

        Without effect when the job has been claimed since: a newer wait is not ended by a late confirmation.
        """
        ...

    async def sweep(self) -> int:
        """Make jobs with an expired lease due again; gives their number. A claim fails those without attempts left."""
        ...

    async def outbox(self, *, limit: int) -> Sequence[OutboxEvent]:
        """Read unsent events, oldest first."""
        ...

    async def sent(self, event_ids: Sequence[str]) -> None:
        """Mark events as sent; ids that are marked already are fine."""
        ...

    async def counts(self) -> StoreCounts:
        """Count rows for the queue depth."""
        ...

    async def migrate(self) -> int:
        """Bring the schema up to date under a lock; gives the schema version. Safe to repeat and to run at once."""
        ...

    async def ping(self) -> str:
        """Give the product and version when it answers."""
        ...


class ObjectStore(Protocol):
    """Files by key (``a/b/c``, no leading slash, no ``..``).

    Raises:
        SourceNotFound: no object has this key.
        SourceForbidden: access is denied.
        DocumentTooLarge: ``limit_bytes`` was passed while reading.
        StorageFull: no space is left.
        BackendUnavailable: the store does not answer.
    """

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        """Copy the object into the file ``target``, which is created."""
        ...

    async def store(self, key: str, path: Path, *, content_type: str) -> None:
        """Write the file under the key, whole or not at all."""
        ...

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        """Write files of the folder under ``<prefix>/<name>``, each as ``store`` does; a failure may leave some."""
        ...

    async def read(self, key: str, *, limit_bytes: int) -> bytes:
        """Give a small object as bytes."""
        ...

    async def list(self, prefix: str) -> Sequence[str]:
        """Give all keys below the prefix, sorted."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; a missing one is fine."""
        ...

    async def ping(self) -> str:
        """Prove that the store can be written and read; gives what it is."""
        ...


class SourceFetcher(Protocol):
    """Brings a document from where the message says into the spool folder. Raises as ``ObjectStore`` does."""

    async def fetch(self, source: SourceRef, target: Path, *, limit_bytes: int) -> None:
        """Copy the document into the file ``target``, which is created."""
        ...


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What a reader must refuse."""

    max_pages: int
    max_pixels: int


class OpenDocument(Protocol):
    """A document that a reader holds open. One thread, one document at a time."""

    @property
    def page_count(self) -> int:
        """Number of pages, at least 1."""
        ...

    def read(self, number: int) -> RawPage | LaidOutPage:
        """Read one page, from 1. A reader that knows the structure gives the page laid out.

        Raises:
            PageUnreadable: this page is damaged; others may be fine.
        """
        ...

    def render(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        """Draw one page; the samples live until the context is left. The image is clamped to ``max_pixels``."""
        ...


@runtime_checkable
class Illustrated(Protocol):
    """An open document that gives its images too; a reader without any need not have this."""

    def images(self, number: int) -> Iterator[EmbeddedImage]:
        """Give the images of one page in drawing order, each decoded when it is asked for."""
        ...

    def screenshot(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        """Draw one page in colour, as ``OpenDocument.render`` does in grey."""
        ...


@runtime_checkable
class Drawn(Illustrated, Protocol):
    """An illustrated document that also tells what its pages are drawn with, so that figures are found on them."""

    def shapes(self, number: int) -> Shapes:
        """Give what one page is drawn with beside its text; bounded, however much that is."""
        ...


@runtime_checkable
class Fillable(Protocol):
    """An open document that may have forms; a reader without any need not have this."""

    def fields(self, number: int) -> Iterator[FormField]:
        """Give the fields of one page, empty ones too."""
        ...


@runtime_checkable
class Annotated(Protocol):
    """An open document that its readers may have remarked on; a reader without any need not have this."""

    def remarks(self, number: int) -> Iterator[Remark]:
        """Give the comments and marked text on one page."""
        ...


class Reader(Protocol):
    """Knows one family of formats. Has no state between documents."""

    @property
    def name(self) -> str:
        """The name under which settings, manifest and metrics know it."""
        ...

    def accepts(self, head: bytes, file_name: str) -> bool:
        """Judge by the first 4096 bytes, and by the name only where content cannot tell."""
        ...

    def open(self, file: BinaryIO, limits: ReaderLimits) -> AbstractContextManager[OpenDocument]:
        """Open a seekable file.

        Raises:
            EncryptedDocument: a password is needed.
            CorruptDocument: it cannot be opened.
            TooManyPages: it has more pages than the limit.
            EmptyDocument: it has no pages.
        """
        ...


class Ocr(Protocol):
    """Reads pixels. A pool in this process or a fleet elsewhere; bounded by its own limit."""

    @property
    def name(self) -> str:
        """The engine's name in manifest and metrics."""
        ...

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Recognise words; boxes in points (pixels × 72 / dpi) from the top left of the image.

        The samples are not looked at after the call has returned, been cancelled or failed.

        Raises:
            PageUnreadable: the engine failed on this page; others may be fine.
            TimeLimitExceeded: it took too long.
            BackendUnavailable: there is no engine for now; the job is tried again later.
        """
        ...

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Judge before any work whether these languages can be read; codes are those of LlamaParse.

        Raises:
            InvalidOption: one is unknown, or what it needs is not installed; the message says what to install.
        """
        ...

    async def ping(self) -> str:
        """Prove that pages can be read, loading what is needed for it; gives engine and size.

        Raises:
            BackendUnavailable: not for now.
        """
        ...


@dataclass(frozen=True, slots=True)
class PoolUse:
    """A pool of this worker at one moment: its threads or processes, and those that are not free."""

    size: int
    busy: int
    starts: int = 0
    """Processes started since it was opened; 0 for threads."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """Processes that ended or were ended, by reason."""


@runtime_checkable
class Pooled(Protocol):
    """An OCR engine whose threads or processes belong to this worker, and to its gauges."""

    def use(self) -> PoolUse:
        """Say how much of the pool is in use; called from any thread."""
        ...


class Mode(Protocol):
    """Refines laid-out pages with a model's help. The mode fast has nothing to refine and never sees a page."""

    @property
    def refines(self) -> bool:
        """Whether ``refine`` is to be called at all; False keeps page text off the event loop."""
        ...

    async def refine(self, page: LaidOutPage, options: ParseOptions) -> LaidOutPage:
        """Give a better page."""
        ...


class PageSink(Protocol):
    """Takes the pages of one document in ascending order."""

    def add(self, page: ParsedPage | FailedPage) -> None:
        """Take one page; it is not kept longer than the file's format demands."""
        ...


class Writer(Protocol):
    """Writes one result file; runs in a parser process. Pages come one by one: a document need not fit in memory."""

    @property
    def file_name(self) -> str:
        """The file's name in the result, such as ``result.md``."""
        ...

    @property
    def content_type(self) -> str:
        """The MIME type of the file."""
        ...

    def open(self, out: BinaryIO, options: ParseOptions) -> AbstractContextManager[PageSink]:
        """Begin a file; leaving the context without an error completes it.

        The same pages give the same bytes, so nothing here knows the time.
        """
        ...


class ReceivedEvent(Protocol):
    """An event of a parser process, with the pixels that came along."""

    @property
    def event(self) -> ParserEvent:
        """The event itself."""
        ...

    @property
    def image(self) -> PixelImage | None:
        """The page image of a ``PageNeedsOcr``; the receiver calls ``close`` when it has read it."""
        ...

    def close(self) -> None:
        """Release the pixels; safe to repeat."""
        ...


class ParserProcess(Protocol):
    """One parser process, for one document at a time."""

    def run(
        self, request: ParserRequest, *, silence_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[ReceivedEvent]]:
        """Run one request and give its events; the last is ``Inspected``, ``Completed`` or ``Refused``.

        Leaving the context early, or ``silence_s`` seconds without an event, kills the process group. Pages that follow
        each other fast are told together, without a ``PageStarted`` each; the page that a process was working on when
        it died or stalled is told before the error is raised.

        Raises:
            TimeLimitExceeded: no event came in time.
            OutOfMemory: the process met its memory limit.
            ParserCrashed: the process died.
        """
        ...


class Parsers(Protocol):
    """The pool of parser processes."""

    def process(self) -> AbstractAsyncContextManager[ParserProcess]:
        """Wait for a free process and hold it; a dead one is replaced for the next holder."""
        ...


Emit = Callable[[ParserEvent, memoryview | None], None]
"""Sends an event from a parser process, with the samples of a ``PageNeedsOcr``; these are copied before it returns."""


class Tasks(Protocol):
    """What a parser process can do. Made once, before the processes are forked; from then on each has its own."""

    def run(self, request: ParserRequest, emit: Emit) -> None:
        """Answer one request; the last event is ``Inspected`` or ``Completed``. May block and crash.

        Raises:
            WorkerError: the request is refused with it.
        """
        ...
