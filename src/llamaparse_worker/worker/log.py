"""Sets up the log: one event a line on stderr, JSON for machines or colours for a terminal.

Import this module before anything that imports structlog: it keeps ``rich`` out of that import, which halves it.
Tracebacks carry no local variables, as those may hold text of a document.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import TextIO


def _import_without_rich() -> None:
    """Import structlog while ``rich`` seems absent: it would only draw tracebacks, with local variables in them."""
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        __import__("structlog")
    finally:
        del sys.modules["rich"]


_import_without_rich()

import structlog  # noqa: E402  # must follow the import above
from structlog.typing import Processor  # noqa: E402  # as above

THIRD_PARTY_LEVEL = logging.WARNING
"""Libraries speak from here on: below it they tell addresses, headers and bodies."""


class LogFormat(StrEnum):
    """How an event is written."""

    AUTO = "auto"
    """``console`` on a terminal, ``json`` otherwise."""
    JSON = "json"
    CONSOLE = "console"


def configure(level: str = "info", log_format: LogFormat = LogFormat.AUTO, *, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging; a later call replaces the earlier one.

    Args:
        level: The least level that is written, as the standard library names it, in any case.
        log_format: How an event is written.
        stream: Where to; default: stderr.
    """
    out = stream or sys.stderr
    least = logging.getLevelNamesMapping()[level.upper()]
    chain, renderer = _rendering(log_format, out)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *chain, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(chain, renderer, out, max(least, THIRD_PARTY_LEVEL))


def _rendering(log_format: LogFormat, out: TextIO) -> tuple[list[Processor], Processor]:
    terminal = out.isatty()
    chain: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and terminal):
        plain = structlog.dev.plain_traceback
        return chain, structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=plain)
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, use_rich=False)
    return [*chain, structlog.processors.ExceptionRenderer(frames)], structlog.processors.JSONRenderer()


def _route_standard_library(chain: list[Processor], renderer: Processor, out: TextIO, level: int) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *chain, renderer],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # It logs each failed connection as an error and raises it too; the broker's own event is the one to read.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)
