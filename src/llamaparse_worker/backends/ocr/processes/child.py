"""What runs in an OCR process: take a page, have the engine read it, send what it says; one page at a time."""

from __future__ import annotations

import importlib
import os
import socket
from typing import Any

import numpy as np

from llamaparse_worker.backends.ocr.engine import Engine, Picture
from llamaparse_worker.backends.ocr.local import Engines, LocalEngine
from llamaparse_worker.backends.ocr.pool import PoolSize, cannot_open
from llamaparse_worker.backends.ocr.priority import let_others_go_first
from llamaparse_worker.backends.ocr.processes.messages import (
    Answer,
    PageRequest,
    Recognised,
    decode_blueprint,
    decode_request,
    encode_answer,
)
from llamaparse_worker.errors import PageUnreadable, WorkerError, report
from llamaparse_worker.model.parsing import Refused
from llamaparse_worker.parsers.child import Connection, WorkerGone, where
from llamaparse_worker.parsers.control import ChildLimits
from llamaparse_worker.parsers.mark import PageMark
from llamaparse_worker.parsers.pixels import SealedImage
from llamaparse_worker.parsers.protocol import MAX_TRACE_BYTES, OUT_OF_MEMORY_STATUS, FrameKind, frame

_BROKEN_STATUS = 1


def prepared(config: str) -> Engines:
    """Make what all processes of a pool share, in the fork server; no model, as threads do not outlive a fork."""
    blueprint = decode_blueprint(config)
    module, _, attribute = blueprint.target.partition(":")
    engine: LocalEngine[Any] = getattr(importlib.import_module(module), attribute)
    settings = engine.settings.model_validate_json(blueprint.settings)
    return engine.prepare(settings, PoolSize(1, settings.ocr_page_timeout_seconds))


def serve(sock: socket.socket, engines: Engines, limits: ChildLimits, mark: PageMark) -> int:
    """Read pages until the worker closes its end; gives the exit status. An engine that broke ends the process."""
    del limits, mark
    let_others_go_first()
    try:
        _read_pages(Connection(sock), engines)
    except WorkerGone:
        return 0
    except MemoryError:
        return OUT_OF_MEMORY_STATUS
    return _BROKEN_STATUS


def _read_pages(connection: Connection, engines: Engines) -> None:
    """Read pages until the engine breaks."""
    page = _next_page(connection)
    try:
        with engines.open() as engine:
            while _answered(connection, engine, *page):
                page = _next_page(connection)
    except (WorkerGone, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - the worker hears of it
        connection.send(_frame_of(Refused(report(cannot_open(error)))))


def _next_page(connection: Connection) -> tuple[PageRequest, int]:
    received = connection.receive()
    return decode_request(received.payload), connection.descriptor()


def _answered(connection: Connection, engine: Engine, request: PageRequest, descriptor: int) -> bool:
    """Answer one request; False when the engine is not to be relied on any longer."""
    try:
        sealed = SealedImage(request, descriptor)
    finally:
        os.close(descriptor)
    try:
        answer: Answer = Recognised(engine.read(_picture(request, sealed), request.languages))
    except MemoryError:
        raise
    except WorkerError as error:
        answer = Refused(report(error))
    except Exception as error:  # noqa: BLE001 - the page's caller hears of it, and the process ends
        trace = frame(FrameKind.TRACE, where(error, error.__traceback__).encode()[:MAX_TRACE_BYTES])
        refusal = Refused(report(PageUnreadable(f"OCR failed on this page ({type(error).__name__}).")))
        connection.send(trace + _frame_of(refusal))
        return False
    finally:
        sealed.close()
    connection.send(_frame_of(answer))
    return True


def _picture(request: PageRequest, sealed: SealedImage) -> Picture:
    samples = np.frombuffer(sealed.image.samples, np.uint8)
    return Picture(samples.reshape(request.height, request.width, request.channels), request.dpi)


def _frame_of(answer: Answer) -> bytes:
    return frame(FrameKind.EVENT, encode_answer(answer))
