"""What a mode has done with a page with models' help: calls, checks, and what was made of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.model.genai import EndReason, Usage


class Verdict(StrEnum):
    """Whose text a refined page shows."""

    SKIPPED = "skipped"
    """The page's own: it was certain enough not to ask anybody, or blank."""
    ANSWERED = "answered"
    """A model's, which passed the checks as it came."""
    REPAIRED = "repaired"
    """A model's, after further calls for what had failed a check."""
    KEPT = "kept"
    """The page's own: no answer passed the checks, or none came."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One answered call of a model."""

    deployment: str
    provider: str
    model: str
    purpose: str
    """What was asked for, such as ``draft`` or ``repair``."""
    end: EndReason
    usage: Usage
    cost: float | None = None
    """In the currency of the prices that the settings name; None without a price."""


@dataclass(frozen=True, slots=True)
class CheckNote:
    """What a check has found in the answer that the page shows, or would have shown."""

    check: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUpgrade:
    """What the upgrade rules of a job say of a page."""

    rule: int | None = None
    """The first that chooses it, from 0; None where none does."""
    triggers: tuple[str, ...] = ()
    """Those of the rule that hold, as the API names them."""
    remarks: tuple[str, ...] = ()
    """Triggers of which it could not be told, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """The record of one page."""

    verdict: Verdict
    prompt: str = ""
    """The system prompt and its version, such as ``balanced/1``; empty where nobody was asked."""
    calls: tuple[ModelCall, ...] = ()
    from_cache: bool = False
    """Whether an earlier job had the page refined, which then cost this one nothing."""
    together: tuple[int, ...] = ()
    """The pages that were drafted in one call with this one; it stands in the record of the first of them."""
    triggers: tuple[str, ...] = ()
    """What made the auto mode choose another mode for the page."""
    checks: tuple[str, ...] = ()
    """Names of the checks that ran."""
    notes: tuple[CheckNote, ...] = ()
    failures: tuple[str, ...] = ()
    """Calls that brought no answer, in words."""


def usage_of(pages: Iterable[Refinement]) -> dict[str, float]:
    """Add up what pages have cost, in all and as ``name@deployment``, and count those from the cache.

    ``cost`` is given only where every call has a price.
    """
    pages = tuple(pages)
    cached = sum(page.from_cache for page in pages)
    calls = [call for page in pages for call in page.calls]
    usage = ({"cached_pages": float(cached)} if cached else {}) | _sum(calls)
    for deployment in sorted({call.deployment for call in calls}):
        own = _sum([call for call in calls if call.deployment == deployment])
        usage |= {f"{name}@{deployment}": value for name, value in own.items()}
    return usage


def _sum(calls: Sequence[ModelCall]) -> dict[str, float]:
    if not calls:
        return {}
    usage = {
        "requests": float(len(calls)),
        "input_tokens": float(sum(call.usage.input_tokens for call in calls)),
        "output_tokens": float(sum(call.usage.output_tokens for call in calls)),
    }
    costs = [call.cost for call in calls]
    if all(cost is not None for cost in costs):
        usage["cost"] = sum(cost for cost in costs if cost is not None)
    return usage
