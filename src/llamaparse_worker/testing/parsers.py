"""Tasks that fail on purpose, for a pool of parser processes: ``open_parsers(settings, TASKS, "")``.

Real documents hardly ever crash a parser, so that its isolation is proved with these. The fault is chosen by the
document's name; any other name is answered with one page.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from llamaparse_worker.errors import CorruptDocument, ErrorReport
from llamaparse_worker.interfaces import Emit
from llamaparse_worker.model.document import DocumentInfo, Spooled
from llamaparse_worker.model.page import PageStatus, PageSummary, RawPage
from llamaparse_worker.model.parsing import (
    Completed,
    Inspect,
    Inspected,
    PageDone,
    PageNeedsOcr,
    PageStarted,
    ParserRequest,
    Refused,
)

TASKS = "llamaparse_worker.testing.parsers:make_tasks"
BROKEN_TASKS = "llamaparse_worker.testing.parsers:make_no_tasks"

_GARBAGE = b"\xde\xad" * (1 << 19)
_GARBAGE_PIECES = 100


class Fault(StrEnum):
    """What a parser process may do to its worker."""

    HANG = "hang"
    BUSY_LOOP = "busy loop"
    EXIT = "exit"
    ABORT = "abort"
    SEGMENTATION_FAULT = "segmentation fault"
    KILLED = "killed"
    """As the kernel does when the machine has no memory left."""
    MEMORY_BOMB = "memory bomb"
    NATIVE_MEMORY_BOMB = "native memory bomb"
    """Native code that aborts when an allocation fails."""
    FORK_BOMB = "fork bomb"
    """A limited one: sixteen processes, some of them in sessions of their own, before a hang. Without seccomp only."""
    ORPHANS = "orphans"
    """Leaves such processes behind and exits."""
    SOCKET_GARBAGE = "socket garbage"
    STREAM_GARBAGE = "stream garbage"
    """1 GB on the standard streams, then a good answer."""
    CLOSED_SOCKET = "closed socket"
    HUGE_EVENT = "huge event"
    HUGE_MESSAGE = "huge message"
    """Announces a message of 4 GB, past all checks of its own side."""
    EVENT_AFTER_LAST = "event after last"
    LATE_EVENT = "late event"
    """Answers, and sends one more event a little later."""
    NO_ANSWER = "no answer"
    UNTYPED_ERROR = "untyped error"
    TYPED_ERROR = "typed error"
    LARGE_FILE = "large file"
    SLOW_EVENTS = "slow events"
    MANY_EVENTS = "many events"
    IMAGES = "images"
    """Four page images of one megabyte each, then a good answer."""
    LARGE_IMAGE = "large image"
    UNANNOUNCED_IMAGE = "unannounced image"
    ENVIRONMENT = "environment"
    """Answers with its environment variables, as a refusal."""
    CPU_TIME = "cpu time"
    """Uses CPU without end, and never falls silent."""
    DESCRIPTORS = "descriptors"
    """Answers with the number of its open descriptors, as a refusal."""


def faulty(fault: Fault | str) -> Inspect:
    """Give the request that brings the fault about."""
    return Inspect(Spooled(path=os.devnull, name=str(fault), size_bytes=0, sha256=""))


def make_tasks(config: str) -> FaultTasks:
    """Make the tasks; the configuration is not looked at."""
    del config
    return FaultTasks()


def make_no_tasks(config: str) -> FaultTasks:
    """Fail, as a factory does whose reader is not installed."""
    raise ModuleNotFoundError(f"no reader for {config!r}")


class FaultTasks:
    """Does what the name of the document says; before that, page 1 is begun."""

    def run(self, request: ParserRequest, emit: Emit) -> None:
        """Fail, or answer with one page."""
        emit(PageStarted(1), None)
        name = request.document.name if isinstance(request, Inspect) else ""
        _FAULTS.get(name, _answer)(emit)


def _answer(emit: Emit) -> None:
    emit(Inspected(DocumentInfo(reader="fault", page_count=1)), None)


def _hang(emit: Emit) -> None:
    del emit
    time.sleep(3600)


def _busy_loop(emit: Emit) -> None:
    del emit
    while True:
        pass


def _cpu_time(emit: Emit) -> None:
    while True:
        emit(PageStarted(1), None)


def _exit(emit: Emit) -> None:
    del emit
    raise SystemExit(3)


def _segmentation_fault(emit: Emit) -> None:
    del emit
    ctypes.string_at(0)


def _killed(emit: Emit) -> None:
    del emit
    os.kill(os.getpid(), signal.SIGKILL)


def _abort(emit: Emit) -> None:
    del emit
    os.abort()


def _memory_bomb(emit: Emit) -> None:
    del emit
    hoard = [b""]
    while True:
        hoard.append(b"\1" * (1 << 24))


def _native_memory_bomb(emit: Emit) -> None:
    del emit
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    size = 1 << 24
    while block := libc.malloc(size):
        libc.memset(ctypes.c_void_p(block), 1, size)
    libc.abort()


def _spawn_sixteen() -> None:
    for number in range(16):
        if os.fork() == 0:
            if number % 2:
                os.setsid()
            time.sleep(3600)


def _fork_bomb(emit: Emit) -> None:
    _spawn_sixteen()
    _hang(emit)


def _orphans(emit: Emit) -> None:
    _spawn_sixteen()
    _exit(emit)


def _socket_garbage(emit: Emit) -> None:
    sock = _own_socket()
    for _ in range(_GARBAGE_PIECES):
        sock.sendall(_GARBAGE)
    _answer(emit)


def _stream_garbage(emit: Emit) -> None:
    for _ in range(5 * _GARBAGE_PIECES):
        os.write(1, _GARBAGE)
        os.write(2, _GARBAGE)
    _answer(emit)


def _closed_socket(emit: Emit) -> None:
    _own_socket().close()
    _hang(emit)


def _huge_event(emit: Emit) -> None:
    summary = PageSummary(1, PageStatus.PARSED, engine="x" * (80 << 20))
    emit(PageDone(summary), None)
    _answer(emit)


def _huge_message(emit: Emit) -> None:
    _own_socket().sendall(b"lpw1\x03\xff\xff\xff\xff")
    _hang(emit)


def _event_after_last(emit: Emit) -> None:
    emit(Completed(), None)
    emit(PageStarted(2), None)


def _late_event(emit: Emit) -> None:
    late = b'{"type":"page_started","number":2}'
    said = b"lpw1\x03" + len(late).to_bytes(4, "little") + late
    threading.Timer(0.05, os.write, (_own_socket().detach(), said)).start()
    _answer(emit)


def _no_answer(emit: Emit) -> None:
    del emit


def _untyped_error(emit: Emit) -> None:
    del emit
    raise ValueError("a sentence of the document")


def _typed_error(emit: Emit) -> None:
    del emit
    raise CorruptDocument("The cross-reference table is damaged.")


def _large_file(emit: Emit) -> None:
    descriptor = os.memfd_create("large")
    os.ftruncate(descriptor, 1 << 50)
    _answer(emit)


def _slow_events(emit: Emit) -> None:
    for number in range(1, 9):
        time.sleep(0.1)
        emit(PageStarted(number), None)
    _answer(emit)


def _many_events(emit: Emit) -> None:
    for number in range(1, 5001):
        emit(PageStarted(number), None)
        emit(PageDone(PageSummary(number, PageStatus.PARSED, engine="fault", characters=number)), None)
    emit(Completed(), None)


def _images(emit: Emit) -> None:
    for number in range(1, 5):
        samples = bytes([number]) * (1 << 20)
        emit(_page_image(number, width=1024, height=1024), memoryview(samples))
    _answer(emit)


def _large_image(emit: Emit) -> None:
    samples = mmap.mmap(-1, 1 << 28)
    emit(_page_image(1, width=1 << 14, height=1 << 14), memoryview(samples))
    _answer(emit)


def _unannounced_image(emit: Emit) -> None:
    original = socket.send_fds

    def twice(sock: socket.socket, *args: object) -> int:
        original(sock, *args)  # type: ignore[arg-type]  # whatever the process sends with pixels, it sends again
        return original(sock, *args)  # type: ignore[arg-type]  # see above

    socket.send_fds = twice  # type: ignore[assignment]  # only in this process, which does not survive it
    _images(emit)


def _environment(emit: Emit) -> None:
    emit(Refused(ErrorReport("ENVIRONMENT", " ".join(sorted(os.environ)))), None)


def _descriptors(emit: Emit) -> None:
    emit(Refused(ErrorReport("DESCRIPTORS", f"{sum(map(_is_open, range(256)))}")), None)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _page_image(number: int, *, width: int, height: int) -> PageNeedsOcr:
    page = RawPage(number, 612.0, 792.0, 0, "a", bytes(range(16)), b"\xff\xfe\xfd\xfc", b"\0\0", ())
    return PageNeedsOcr(page, width=width, height=height, channels=1, dpi=150.0)


def _own_socket() -> socket.socket:
    """Find the socket to the worker, which tasks are not given."""
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return socket.socket(fileno=descriptor)
        except OSError:
            continue
    raise LookupError("no socket")


_FAULTS: dict[str, Callable[[Emit], None]] = {
    Fault.HANG: _hang,
    Fault.BUSY_LOOP: _busy_loop,
    Fault.CPU_TIME: _cpu_time,
    Fault.EXIT: _exit,
    Fault.ABORT: _abort,
    Fault.SEGMENTATION_FAULT: _segmentation_fault,
    Fault.KILLED: _killed,
    Fault.MEMORY_BOMB: _memory_bomb,
    Fault.NATIVE_MEMORY_BOMB: _native_memory_bomb,
    Fault.FORK_BOMB: _fork_bomb,
    Fault.ORPHANS: _orphans,
    Fault.SOCKET_GARBAGE: _socket_garbage,
    Fault.STREAM_GARBAGE: _stream_garbage,
    Fault.CLOSED_SOCKET: _closed_socket,
    Fault.HUGE_EVENT: _huge_event,
    Fault.HUGE_MESSAGE: _huge_message,
    Fault.EVENT_AFTER_LAST: _event_after_last,
    Fault.LATE_EVENT: _late_event,
    Fault.NO_ANSWER: _no_answer,
    Fault.UNTYPED_ERROR: _untyped_error,
    Fault.TYPED_ERROR: _typed_error,
    Fault.LARGE_FILE: _large_file,
    Fault.SLOW_EVENTS: _slow_events,
    Fault.MANY_EVENTS: _many_events,
    Fault.IMAGES: _images,
    Fault.LARGE_IMAGE: _large_image,
    Fault.UNANNOUNCED_IMAGE: _unannounced_image,
    Fault.ENVIRONMENT: _environment,
    Fault.DESCRIPTORS: _descriptors,
}
