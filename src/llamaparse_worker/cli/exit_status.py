"""Exit statuses, as ``sysexits.h`` numbers them."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command says to its caller."""

    OK = 0
    FAILED = 1
    """The thing asked about is not as it should be (``healthcheck``, ``check``)."""
    USAGE = 64
    DATA = 65
    """At least one document failed; the others are done."""
    UNAVAILABLE = 69
    """A service that is needed does not answer."""
    INTERNAL = 70
    IO = 74
    RESTART = 75
    """A part of the process was stuck; it has finished what it could and is to be started again."""
    CONFIGURATION = 78
    INTERRUPTED = 130
