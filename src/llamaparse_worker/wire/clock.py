"""The time as it is written down."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Give the current time, aware."""
    return datetime.now(tz=UTC)
