"""What the end of a parser process means for its document: a pure judgement of exit status and memory."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.errors import OutOfMemory, ParserCrashed, TimeLimitExceeded
from llamaparse_worker.parsers.control import Exited, Started
from llamaparse_worker.parsers.protocol import OUT_OF_MEMORY_STATUS


class EndReason(StrEnum):
    """Why a parser process was replaced."""

    DOCUMENTS = "documents"
    """It was used for as many documents as allowed."""
    MEMORY = "memory"
    """Its resident memory reached the limit for reuse."""
    ABANDONED = "abandoned"
    """Whoever held it left before the last event: the job was cancelled or failed."""
    TIME_LIMIT = "time_limit"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    BROKEN_PROTOCOL = "broken_protocol"
    """It sent something that is no message."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended by itself."""

    reason: EndReason
    error: OutOfMemory | ParserCrashed | TimeLimitExceeded


_SIGNALS_OF_FAILED_ALLOCATION = frozenset(
    {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGTRAP, signal.SIGILL},
)
"""How native code ends when an allocation fails: an abort, a trap, or a null pointer used."""

_ROOM_SHARE = 4
"""A buffer that grows by doubling fails when it holds a third of the room: old and new must fit together."""


def judge(exited: Exited | None, started: Started | None, *, memory_limit_bytes: int | None) -> Ending:
    """Tell whether memory ended a process; nothing but evidence of it counts. None: no report came."""
    if exited is None:
        return _crash("The parser process was lost.")
    if exited.status == OUT_OF_MEMORY_STATUS:
        return _out_of_memory(memory_limit_bytes)
    if exited.status == -signal.SIGKILL:
        return Ending(
            EndReason.OUT_OF_MEMORY, OutOfMemory("The system killed the parser process, most likely for its memory.")
        )
    if exited.status == -signal.SIGXCPU:
        return Ending(EndReason.TIME_LIMIT, TimeLimitExceeded("The parser process used up PARSER_MAX_CPU_SECONDS."))
    if -exited.status in _SIGNALS_OF_FAILED_ALLOCATION and _filled(exited, started, memory_limit_bytes):
        return _out_of_memory(memory_limit_bytes)
    return _crash(f"The parser process ended with {_status_name(exited.status)}.")


def _filled(exited: Exited, started: Started | None, memory_limit_bytes: int | None) -> bool:
    if started is None or memory_limit_bytes is None:
        return False
    room = memory_limit_bytes - started.address_space_bytes
    return exited.peak_resident_bytes - started.resident_bytes >= room // _ROOM_SHARE


def _status_name(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _out_of_memory(limit: int | None) -> Ending:
    which = "all the memory there is" if limit is None else f"its limit of {limit} bytes"
    return Ending(EndReason.OUT_OF_MEMORY, OutOfMemory(f"The parser process reached {which}."))


def _crash(message: str) -> Ending:
    return Ending(EndReason.CRASHED, ParserCrashed(message))
