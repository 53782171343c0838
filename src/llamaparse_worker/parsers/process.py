"""One parser process in the hands of the worker, and the events it sends; nothing here looks into a page."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
import warnings
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.lowlevel
import structlog

from llamaparse_worker.errors import LimitExceeded, OutOfMemory, ParserCrashed, TimeLimitExceeded, WorkerError
from llamaparse_worker.interfaces import ReceivedEvent
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.parsing import (
    Completed,
    Inspected,
    PageNeedsOcr,
    PageStarted,
    ParserEvent,
    ParserRequest,
    Refused,
)
from llamaparse_worker.parsers.budget import ByteBudget
from llamaparse_worker.parsers.launcher import Child, Launcher
from llamaparse_worker.parsers.outcome import EndReason, judge
from llamaparse_worker.parsers.pixels import SealedImage, image_bytes
from llamaparse_worker.parsers.protocol import (
    BrokenProtocol,
    Frame,
    FrameBuffer,
    FrameKind,
    FrameTooLong,
    decode_event,
    decode_number,
    encode_request,
    frame,
)

log = structlog.get_logger()

_RECEIVE_BYTES = 1 << 17
_DESCRIPTOR = array.array("i").itemsize
_ANCILLARY_BYTES = socket.CMSG_SPACE(4 * _DESCRIPTOR)
_EXIT_REPORT_S = 1.0
"""The socket of a process that dies closes first; its exit is reported within milliseconds."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all processes of a pool share."""

    launcher: Launcher
    images: ByteBudget
    memory_limit_bytes: int


class Received:
    """An event, with its pixels where it is a ``PageNeedsOcr``."""

    __slots__ = ("_budget", "_loop", "_sealed", "event")

    def __init__(self, event: ParserEvent, sealed: SealedImage | None = None, budget: ByteBudget | None = None) -> None:
        self.event = event
        self._sealed = sealed
        self._budget = budget
        self._loop = None if sealed is None else asyncio.get_running_loop()

    @property
    def image(self) -> PixelImage | None:
        """The pixels, valid until ``close``."""
        return None if self._sealed is None else self._sealed.image

    def close(self) -> None:
        """Release the pixels, so that another page can be sent. Safe to repeat."""
        if self._sealed is not None and self._budget is not None:
            sealed, self._sealed = self._sealed, None
            sealed.close()
            self._budget.give_back(sealed.size)

    def __del__(self) -> None:
        # Bytes that never come back to the budget would stop all OCR in the end. Any thread may drop the last one.
        if self._sealed is not None and self._budget is not None and self._loop is not None:
            warnings.warn("a page image was not closed", ResourceWarning, source=self, stacklevel=2)
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the budget with it
                self._loop.call_soon_threadsafe(self._budget.give_back, self._sealed.size)


class Process:
    """A parser process, for one document at a time."""

    def __init__(self, child: Child, around: Surroundings) -> None:
        self.child = child
        self.around = around
        self.documents = 0
        """How often it was handed out."""
        self.peak_resident_bytes = 0
        """As it last said itself."""
        self.suspect = False
        """A task failed without a type: its state is not to be relied on."""
        self.end_reason: EndReason | None = None

    @property
    def alive(self) -> bool:
        """Whether it can take a request."""
        return self.end_reason is None and not self.child.ended.is_set()

    def fit(self) -> bool:
        """Whether it is there and silent: the next document must not hear what belongs to the last."""
        if not self.alive:
            return False
        try:
            said = self.child.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if said:
            self.end(EndReason.BROKEN_PROTOCOL)
        return False

    @asynccontextmanager
    async def run(self, request: ParserRequest, *, silence_s: float) -> AsyncIterator[AsyncIterator[ReceivedEvent]]:
        """Run one request and give its events, as ``interfaces.ParserProcess`` says."""
        conversation = _Conversation(self, silence_s)
        try:
            await conversation.ask(request)
            yield conversation
        finally:
            conversation.close()

    def end(self, reason: EndReason) -> None:
        """Kill the process and what it started; the first reason stands."""
        if self.end_reason is None:
            self.end_reason = reason
            self.around.launcher.kill(self.child)

    async def died(self) -> WorkerError:
        """Find out why the process closed its socket; it is gone afterwards."""
        with anyio.move_on_after(_EXIT_REPORT_S):
            await self.child.ended.wait()
        if not self.child.ended.is_set():
            self.end(EndReason.CRASHED)
            return ParserCrashed("The parser process closed its socket.")
        return self.bury()

    def discard(self) -> None:
        """Let go of a process that is not fit."""
        if self.end_reason is None and self.child.ended.is_set():
            self.bury()
        self.end(EndReason.CRASHED)

    def bury(self) -> WorkerError:
        """Settle why a process that has exited did so."""
        exited = self.child.exited
        ending = judge(exited, self.child.started, memory_limit_bytes=self.around.memory_limit_bytes)
        self.end(ending.reason)
        log.warning(
            "parser.died",
            reason=ending.reason,
            status=None if exited is None else exited.status,
            trace="" if exited is None else exited.trace,
        )
        return ending.error


class _Conversation:
    """One request and the events that answer it."""

    def __init__(self, process: Process, silence_s: float) -> None:
        self._process = process
        self._socket = process.child.socket
        self._silence_s = silence_s
        self._buffer = FrameBuffer()
        self._descriptors: deque[int] = deque()
        self._granted = 0
        self._finished = False
        self._failure: WorkerError | None = None
        """How the process failed, once its last words are given."""

    async def ask(self, request: ParserRequest) -> None:
        """Send the request."""
        if not self._process.alive:
            raise ParserCrashed("The parser process has ended.")
        self._process.child.mark.number = 0
        await self._send(frame(FrameKind.REQUEST, encode_request(request)))

    def __aiter__(self) -> AsyncIterator[ReceivedEvent]:
        return self

    async def __anext__(self) -> ReceivedEvent:
        if self._finished:
            raise StopAsyncIteration
        if self._failure is not None:
            raise self._failure
        try:
            return await self._next_event()
        except (ParserCrashed, OutOfMemory, TimeLimitExceeded) as error:
            return self._last_page(error)
        except FrameTooLong as error:
            self._process.end(EndReason.BROKEN_PROTOCOL)
            raise LimitExceeded(f"The parser process sent {error}.") from error
        except BrokenProtocol as error:
            self._process.end(EndReason.BROKEN_PROTOCOL)
            return self._last_page(ParserCrashed(f"The parser process sent {error}."))

    def close(self) -> None:
        """Leave; a process that has not said its last is killed."""
        if not self._finished:
            self._process.end(EndReason.ABANDONED)
        if self._granted:
            self._process.around.images.give_back(self._granted)
            self._granted = 0
        while self._descriptors:
            os.close(self._descriptors.popleft())

    async def _next_event(self) -> Received:
        while True:
            if (found := self._buffer.next()) is None:
                await self._receive()
            elif (received := await self._take(found)) is not None:
                return received

    async def _take(self, found: Frame) -> Received | None:
        match found.kind:
            case FrameKind.EVENT:
                return self._event(decode_event(found.payload))
            case FrameKind.IMAGE_WANTED:
                await self._grant(decode_number(found.payload))
            case FrameKind.USAGE:
                self._process.peak_resident_bytes = decode_number(found.payload)
            case FrameKind.TRACE:
                self._process.suspect = True
                log.error("parser.task_failed", trace=found.payload.decode("utf-8", "replace"))
            case _:
                raise BrokenProtocol("a message that only the worker sends")
        return None

    def _last_page(self, failure: WorkerError) -> Received:
        """Say on which page a process was that died or hangs; the failure follows."""
        number = self._process.child.mark.number
        if not number:
            try:
                raise failure
            finally:
                del failure  # its trace holds this frame: they and all that waits for them would hold each other
        self._failure = failure
        return Received(PageStarted(number))

    def _event(self, event: ParserEvent) -> Received:
        match event:
            case PageNeedsOcr():
                return self._with_image(event)
            case Inspected() | Completed() | Refused():
                if self._buffer:
                    raise BrokenProtocol("more after its last event")
                self._finished = True
        return Received(event)

    def _with_image(self, event: PageNeedsOcr) -> Received:
        if not self._descriptors or image_bytes(event) != self._granted:
            raise BrokenProtocol("an image that it did not announce")
        descriptor = self._descriptors.popleft()
        try:
            sealed = SealedImage(event, descriptor)
        finally:
            os.close(descriptor)
        self._granted = 0
        return Received(event, sealed, self._process.around.images)

    async def _grant(self, size: int) -> None:
        images = self._process.around.images
        if self._granted or not 0 < size <= images.total:
            raise BrokenProtocol("a demand for an image out of turn or size")
        await images.take(size)
        self._granted = size
        await self._send(frame(FrameKind.IMAGE_GRANTED))

    async def _receive(self) -> None:
        """Wait for bytes and take what is there."""
        if (received := self._receive_now()) is not None:
            await anyio.lowlevel.checkpoint()  # a process that never stops talking shall not have the loop for itself
        else:
            received = await self._receive_later()
        if not received:
            raise await self._process.died()
        self._buffer.feed(received)

    async def _receive_later(self) -> bytes:
        with anyio.move_on_after(self._silence_s):
            while True:
                await anyio.wait_readable(self._socket)
                if (received := self._receive_now()) is not None:
                    return received
        raise self._silent()

    def _receive_now(self) -> bytes | None:
        """Take what is there; None: nothing yet. No bytes: it closed its socket."""
        try:
            received, ancillary, _, _ = self._socket.recvmsg(_RECEIVE_BYTES, _ANCILLARY_BYTES, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""
        self._descriptors.extend(_descriptors_in(ancillary))
        return received

    async def _send(self, frames: bytes) -> None:
        rest = memoryview(frames)
        with anyio.move_on_after(self._silence_s) as scope:
            while rest:
                try:
                    rest = rest[self._socket.send(rest) :]
                except BlockingIOError:
                    await anyio.wait_writable(self._socket)
                except ConnectionError:
                    break  # it died; reading what it said before tells why
        if scope.cancelled_caught:
            raise self._silent()

    def _silent(self) -> TimeLimitExceeded:
        self._process.end(EndReason.TIME_LIMIT)
        return TimeLimitExceeded(f"The parser made no progress for {self._silence_s:g} seconds.")


def _descriptors_in(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % _DESCRIPTOR])
    return found.tolist()
