"""One OCR process in the hands of the worker."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

import anyio
import structlog
from anyio import to_thread

from llamaparse_worker.backends.ocr.processes.messages import Answer, PageRequest, decode_answer, encode_request
from llamaparse_worker.errors import TimeLimitExceeded, from_report
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.parsing import Refused
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.parsers.launcher import Launcher
from llamaparse_worker.parsers.outcome import EndReason, judge
from llamaparse_worker.parsers.pixels import seal
from llamaparse_worker.parsers.protocol import BrokenProtocol, Frame, FrameBuffer, FrameKind, frame

log = structlog.get_logger()

_RECEIVE_BYTES = 1 << 17
_EXIT_REPORT_S = 1.0
"""The socket of a process that dies closes first; its exit is reported within milliseconds."""


class Lost(Exception):
    """The process ended, or said what nobody understands: the page may be read by another."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may use: seconds a page, and bytes of address space."""

    page_s: float
    memory_bytes: int | None


class OcrProcess:
    """Reads one page at a time; once something went wrong it is ended, for the first reason that there was."""

    def __init__(self, launcher: Launcher, limits: Limits) -> None:
        self._launcher = launcher
        self._limits = limits
        self._child = launcher.fork()
        self._broken = False
        """The engine failed without a type, and its process ends."""
        self.end_reason: EndReason | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be given a page."""
        return self.end_reason is None and not self._child.ended.is_set()

    async def read(self, image: PixelImage, languages: tuple[str, ...]) -> Recognition:
        """Have a page read; a caller that goes before the answer has come ends the process.

        Raises:
            Lost: there is no answer.
            TimeLimitExceeded: there was none in time.
            WorkerError: the engine refused the page.
        """
        descriptor = await to_thread.run_sync(seal, image.samples)
        try:
            answer = await self._asked(image, languages, descriptor)
        finally:
            os.close(descriptor)
        if self._broken:
            self.end(EndReason.CRASHED)
        if isinstance(answer, Refused):
            raise from_report(answer.error)
        return answer.found

    def end(self, reason: EndReason) -> None:
        """Kill it and what it started; the first reason stands."""
        if self.end_reason is None:
            self.end_reason = reason
            self._launcher.kill(self._child)

    def discard(self) -> EndReason:
        """Let go of a process that has ended, and settle why it did."""
        exited = self._child.exited
        reason = judge(exited, self._child.started, memory_limit_bytes=self._limits.memory_bytes).reason
        self.end(reason)
        log.warning(
            "ocr.died",
            reason=reason,
            status=None if exited is None else exited.status,
            trace="" if exited is None else exited.trace,
        )
        return reason

    async def _asked(self, image: PixelImage, languages: tuple[str, ...], descriptor: int) -> Answer:
        request = PageRequest(image.width, image.height, image.channels, image.dpi, languages)
        try:
            with anyio.fail_after(self._limits.page_s):
                self._send(frame(FrameKind.REQUEST, encode_request(request)), descriptor)
                return await self._answer()
        except TimeoutError:
            self.end(EndReason.TIME_LIMIT)
            log.warning("ocr.hung", limit_s=self._limits.page_s)
            raise TimeLimitExceeded(
                f"OCR did not read a page within {self._limits.page_s:g} s (OCR_PAGE_TIMEOUT_SECONDS)."
            ) from None
        except BrokenProtocol as error:
            self.end(EndReason.BROKEN_PROTOCOL)
            log.warning("ocr.not_understood", reason=str(error))
            raise Lost(EndReason.BROKEN_PROTOCOL) from error
        except anyio.get_cancelled_exc_class():
            self.end(EndReason.ABANDONED)
            raise

    def _send(self, request: bytes, descriptor: int) -> None:
        """Send a request, for which there is room: the process reads nothing else."""
        try:
            sent = socket.send_fds(self._child.socket, [request], [descriptor])
        except (ConnectionError, BlockingIOError):
            return  # it ended; reading tells why
        if sent < len(request):
            raise BrokenProtocol("no attention to a request")

    async def _answer(self) -> Answer:
        buffer = FrameBuffer()
        while True:
            while (found := buffer.next()) is None:
                buffer.feed(await self._received())
            if found.kind is FrameKind.EVENT:
                if buffer:
                    raise BrokenProtocol("more after its answer")
                return await to_thread.run_sync(decode_answer, found.payload)
            self._note(found)

    def _note(self, found: Frame) -> None:
        if found.kind is not FrameKind.TRACE:
            raise BrokenProtocol("a message that only parsers send")
        log.error("ocr.failed", trace=found.payload.decode("utf-8", "replace"))
        self._broken = True

    async def _received(self) -> bytes:
        """Wait for bytes and take what is there."""
        while True:
            await anyio.wait_readable(self._child.socket)
            try:
                received = self._child.socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except ConnectionError:
                received = b""
            if received:
                return received
            raise Lost(await self._bury())

    async def _bury(self) -> EndReason:
        """Settle why it closed its socket; it is gone afterwards."""
        with anyio.move_on_after(_EXIT_REPORT_S):
            await self._child.ended.wait()
        return self.discard()
