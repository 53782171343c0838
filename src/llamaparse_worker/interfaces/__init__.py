"""The seams of the worker: small Protocols, and nothing that implements one.

``async def`` waits on I/O and runs on the event loop. Plain ``def`` burns CPU and is called in a parser process or a
thread, under a limit. A plugin imports this module, ``model``, ``errors``, ``limits`` and ``testing``: together they
are the public interface, versioned by ``API_VERSION``.

Every backend is offered as a ``Component``: its settings model and the async context manager that yields the interface.
Readers and writers, which live in parser processes, are plain callables without arguments.
"""

from __future__ import annotations

from llamaparse_worker.interfaces.broker import RANGE_HEADER, Broker, DeadLetter, Delivery, Message, QueueDepth
from llamaparse_worker.interfaces.component import Component
from llamaparse_worker.interfaces.genai import GenAi
from llamaparse_worker.interfaces.jobs import JobStore
from llamaparse_worker.interfaces.mode import JointMode, Mode, PageView
from llamaparse_worker.interfaces.objects import ObjectStore, SourceFetcher
from llamaparse_worker.interfaces.ocr import Ocr, Pooled, PoolUse
from llamaparse_worker.interfaces.parsers import Emit, ParserProcess, Parsers, ReceivedEvent, Tasks
from llamaparse_worker.interfaces.ranges import RangeStore
from llamaparse_worker.interfaces.reader import (
    Annotated,
    Drawn,
    Fillable,
    Illustrated,
    Linked,
    OpenDocument,
    Reader,
    ReaderLimits,
)
from llamaparse_worker.interfaces.webhooks import WebhookClient
from llamaparse_worker.interfaces.writer import PageSink, Writer

__all__ = [
    "API_VERSION",
    "RANGE_HEADER",
    "Annotated",
    "Broker",
    "Component",
    "DeadLetter",
    "Delivery",
    "Drawn",
    "Emit",
    "Fillable",
    "GenAi",
    "Illustrated",
    "JobStore",
    "JointMode",
    "Linked",
    "Message",
    "Mode",
    "ObjectStore",
    "Ocr",
    "OpenDocument",
    "PageSink",
    "PageView",
    "ParserProcess",
    "Parsers",
    "PoolUse",
    "Pooled",
    "QueueDepth",
    "RangeStore",
    "Reader",
    "ReaderLimits",
    "ReceivedEvent",
    "SourceFetcher",
    "Tasks",
    "WebhookClient",
    "Writer",
]

API_VERSION = 1
