"""What runs in a parser process: take a request, let the tasks answer it, send what they say."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import time
import traceback
from collections import deque
from types import TracebackType

from llamaparse_worker.errors import (
    ErrorReport,
    LimitExceeded,
    SandboxViolation,
    StorageFull,
    WorkerError,
    report,
)
from llamaparse_worker.interfaces import Tasks
from llamaparse_worker.model.parsing import (
    Completed,
    Inspected,
    PageDone,
    PageNeedsOcr,
    PageStarted,
    ParserEvent,
    ParserRequest,
    Refused,
)
from llamaparse_worker.parsers.control import ChildLimits
from llamaparse_worker.parsers.mark import PageMark
from llamaparse_worker.parsers.pixels import image_bytes, seal
from llamaparse_worker.parsers.protocol import (
    MAX_TRACE_BYTES,
    OUT_OF_MEMORY_STATUS,
    FinalEvent,
    Frame,
    FrameBuffer,
    FrameKind,
    FrameTooLong,
    decode_request,
    encode_event,
    encode_number,
    frame,
)
from llamaparse_worker.parsers.sandbox import allow_cpu, peak_resident_bytes

_RECEIVE_BYTES = 1 << 18
_GATHER_S = 0.1
"""So long finished pages wait for others, with which they go out in one call: each call wakes the worker up."""


class WorkerGone(Exception):
    """The worker closed its end: nobody waits for an answer."""


class Connection:
    """The process's end of the socket, blocking."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = FrameBuffer()
        self._descriptors: deque[int] = deque()

    def receive(self) -> Frame:
        """Wait for the next message.

        Raises:
            WorkerGone: there will be none.
        """
        while (found := self._buffer.next()) is None:
            try:
                received, descriptors, _, _ = socket.recv_fds(self._socket, _RECEIVE_BYTES, 1)
            except ConnectionError as error:
                raise WorkerGone from error
            if not received:
                raise WorkerGone
            self._descriptors.extend(descriptors)
            self._buffer.feed(received)
        return found

    def descriptor(self) -> int:
        """Take the descriptor that came with the last message; the caller closes it."""
        return self._descriptors.popleft()

    def send(self, frames: bytes, descriptor: int | None = None) -> None:
        """Send whole frames, with a descriptor that belongs to the last event among them.

        Raises:
            WorkerGone: nobody listens.
        """
        try:
            sent = 0 if descriptor is None else socket.send_fds(self._socket, [frames], [descriptor])
            self._socket.sendall(memoryview(frames)[sent:])
        except ConnectionError as error:
            raise WorkerGone from error


class Emitter:
    """Sends the events of one request: the page in work by the mark, and what is done in gathered calls.

    A ``PageStarted`` goes out only where a call is due, as the sign of life that the worker waits for.
    """

    def __init__(self, connection: Connection, limits: ChildLimits, mark: PageMark) -> None:
        self._connection = connection
        self._limits = limits
        self._mark = mark
        self._held = b""
        self._due = time.monotonic() + _GATHER_S
        self._final: FinalEvent | None = None

    @property
    def final(self) -> FinalEvent | None:
        """The last event, held back until the task has returned: only then is the process free."""
        return self._final

    def __call__(self, event: ParserEvent, samples: memoryview | None = None) -> None:
        """Send an event.

        Raises:
            LimitExceeded: the event is too long, or its image larger than all images together may be.
        """
        if self._final is not None:
            raise RuntimeError("an event after the last one")
        match event:
            case Inspected() | Completed() | Refused():
                self._final = event
            case PageNeedsOcr():
                self._send_image(event, samples)
            case PageStarted(number):
                self._mark.number = number
                if time.monotonic() >= self._due:
                    self._send(_event_frame(event))
            case PageDone():
                self._held += _event_frame(event)
                if time.monotonic() >= self._due:
                    self._send(b"")

    def finish(self, final: FinalEvent) -> None:
        """Send what was held, the memory used, and the last event."""
        usage = encode_number(peak_resident_bytes(resource.getrusage(resource.RUSAGE_SELF)))
        self._send(frame(FrameKind.USAGE, usage) + _event_frame(final))

    def trace(self, text: str) -> None:
        """Send lines for the worker's log."""
        self._send(frame(FrameKind.TRACE, text.encode()[:MAX_TRACE_BYTES]))

    def _send(self, frames: bytes, descriptor: int | None = None) -> None:
        held, self._held = self._held, b""
        self._connection.send(held + frames, descriptor)
        self._due = time.monotonic() + _GATHER_S

    def _send_image(self, event: PageNeedsOcr, samples: memoryview | None) -> None:
        size = image_bytes(event)
        if samples is None or size != samples.nbytes:
            raise ValueError("the samples are not as many as the event says")
        if size > self._limits.image_bytes:
            raise LimitExceeded(f"A page image of {size} bytes is larger than PARSER_MAX_IMAGE_BYTES.")
        announced = _event_frame(event)
        self._send(frame(FrameKind.IMAGE_WANTED, encode_number(size)))
        self._connection.receive()  # granted: the only message that comes before the last event
        descriptor = seal(samples)
        try:
            self._send(announced, descriptor)
        finally:
            # The copy in flight is the worker's now.
            os.close(descriptor)


def serve(sock: socket.socket, tasks: Tasks, limits: ChildLimits, mark: PageMark) -> int:
    """Answer requests until the worker closes its end; gives the exit status."""
    connection = Connection(sock)
    with contextlib.suppress(WorkerGone):
        while True:
            try:
                _answer(connection, tasks, limits, mark)
            except MemoryError:
                return OUT_OF_MEMORY_STATUS
    return 0


def _answer(connection: Connection, tasks: Tasks, limits: ChildLimits, mark: PageMark) -> None:
    request = decode_request(connection.receive().payload)
    emitter = Emitter(connection, limits, mark)
    allow_cpu(limits.cpu_seconds)
    emitter.finish(_run(tasks, request, emitter))


def _run(tasks: Tasks, request: ParserRequest, emitter: Emitter) -> FinalEvent:
    try:
        tasks.run(request, emitter)
    except (MemoryError, WorkerGone):
        raise
    except WorkerError as error:
        return Refused(report(error))
    except Exception as error:  # noqa: BLE001 - the job boundary of this process: the worker hears of it, and only it
        if (known := _typed(error)) is not None:
            return Refused(report(known))
        emitter.trace(where(error, error.__traceback__))
        if isinstance(error, PermissionError):
            return Refused(
                report(SandboxViolation("The parser tried something that reading a document does not need."))
            )
        return Refused(ErrorReport(WorkerError.code, f"The parser failed with {type(error).__name__}."))
    if emitter.final is None:
        return Refused(ErrorReport(WorkerError.code, "The parser gave no answer."))
    return emitter.final


def _typed(error: Exception) -> WorkerError | None:
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.EFBIG:
        return LimitExceeded("The parser tried to write a file larger than PARSER_MAX_FILE_BYTES.")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull("No space is left in the spool folder.")
    return None


def where(error: Exception, trace: TracebackType | None) -> str:
    """Name type and places of an error; its text may hold what stands in the document."""
    places = (f"{place.filename}:{place.lineno} {place.name}" for place in reversed(traceback.extract_tb(trace)))
    return "\n".join((type(error).__qualname__, *places))


def _event_frame(event: ParserEvent) -> bytes:
    try:
        return frame(FrameKind.EVENT, encode_event(event))
    except FrameTooLong as error:
        raise LimitExceeded(f"The parser tried to send {error}.") from error
