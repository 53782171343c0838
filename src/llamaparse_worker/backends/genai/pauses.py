"""Pauses and quotas that providers tell in headers, as values. Pure: times count from the reply's own ``Date``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from llamaparse_worker.model.genai import Quota, RateLimits

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Give the pause in ``retry-after-ms`` or ``Retry-After``, which may be a date; None where neither can be read."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _number(text)
    return seconds if seconds is not None else _until(_date(text), headers)


def rate_limits(headers: Mapping[str, str]) -> RateLimits:
    """Give the quotas in ``anthropic-ratelimit-*`` or ``x-ratelimit-*``."""
    if any(name.startswith("anthropic-ratelimit-") for name in headers):
        return RateLimits(*(_of_anthropic(headers, what) for what in _ANTHROPIC))
    return RateLimits(*(_of_openai(headers, what) for what in ("requests", "tokens")))


_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")


def duration_s(text: str) -> float | None:
    """Give the seconds in ``1m30.5s``, ``17ms`` or a plain number."""
    if _DURATION.fullmatch(text):
        return sum(float(number) * _UNIT_S[unit] for number, unit in _PIECE.findall(text))
    return _number(text)


def _of_openai(headers: Mapping[str, str], what: str) -> Quota | None:
    found = Quota(
        _count(headers.get(f"x-ratelimit-limit-{what}", "")),
        _count(headers.get(f"x-ratelimit-remaining-{what}", "")),
        duration_s(headers.get(f"x-ratelimit-reset-{what}", "")),
    )
    return found if found != Quota() else None


def _of_anthropic(headers: Mapping[str, str], what: str) -> Quota | None:
    prefix = f"anthropic-ratelimit-{what}"
    found = Quota(
        _count(headers.get(f"{prefix}-limit", "")),
        _count(headers.get(f"{prefix}-remaining", "")),
        _until(_moment(headers.get(f"{prefix}-reset", "")), headers),
    )
    return found if found != Quota() else None


def _until(then: datetime | None, headers: Mapping[str, str]) -> float | None:
    """Count from the provider's clock, with which ours need not agree."""
    now = _date(headers.get("date", ""))
    return None if then is None or now is None else max(0.0, (then - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        return _aware(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        return None


def _aware(found: datetime) -> datetime:
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) and found >= 0 else None


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
