"""Why a message is a dead letter, and how its headers say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_CODE = "x-error-code"
_MESSAGE = "x-error-message"
_TIME = "x-error-time"
_ATTEMPT = "x-error-attempt"
_WORKER = "x-error-worker"
_BROKER_REASON = "x-first-death-reason"
"""What RabbitMQ writes where it dead-letters a message itself, as at its delivery limit."""
_ADDED = ("x-error-", "x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")

_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """What is known of the end of a message; a broker that gives up by itself says only the reason."""

    code: str
    message: str = ""
    at: datetime | None = None
    attempt: int = 0
    """Attempts that were charged by then; 0 where none was."""
    worker: str = ""
    """Host name of the worker that gave up, or that wrote the dead letter in its place."""

    def headers(self) -> dict[str, str]:
        """Give the headers that are added to the message."""
        return {
            _CODE: self.code,
            _MESSAGE: self.message,
            _TIME: self.at.isoformat(timespec="milliseconds") if self.at else "",
            _ATTEMPT: str(self.attempt),
            _WORKER: self.worker,
        }


def death_of(headers: Mapping[str, str]) -> Death:
    """Read the headers of a dead letter, whoever wrote them; what is missing or unreadable is left out."""
    return Death(
        code=headers.get(_CODE) or headers.get(_BROKER_REASON, "").upper() or "UNKNOWN",
        message=headers.get(_MESSAGE, ""),
        at=_time(headers.get(_TIME, "")),
        attempt=_number(headers.get(_ATTEMPT, "")),
        worker=headers.get(_WORKER, ""),
    )


def without_death(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers as they were before the message died."""
    return {name: text for name, text in headers.items() if not name.startswith(_ADDED)}


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else 0
