"""Parser processes: holding one, and what runs inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.parsing import ParserEvent, ParserRequest


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
