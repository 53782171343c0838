"""What the operator set about attempts at jobs and page ranges."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.model.job import TenantLimit
from llamaparse_worker.worker.settlement import RetryPolicy

TENANT_PAUSE_S = 1.0
"""A tenant with more jobs than may run has so many of them tried again each second: see ``TenantLimit``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicy:
    """How long a lease holds, how often work is tried again, and what waits how long."""

    lease_s: float
    retry: RetryPolicy
    tenant_limit: TenantLimit | None = None
    keep_split_s: float = 86_400.0
    """How long a split job waits for the next of its page ranges to end; then an attempt does what is left."""
