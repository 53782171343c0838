"""What every job store must do, as tests: subclass ``JobStoreConformance`` and give the fixture ``store``."""

from __future__ import annotations

from llamaparse_worker.testing.jobs_attempt_conformance import AttemptConformance
from llamaparse_worker.testing.jobs_claim_conformance import ClaimConformance
from llamaparse_worker.testing.jobs_letters_conformance import LettersConformance
from llamaparse_worker.testing.jobs_outcome_conformance import OutcomeConformance
from llamaparse_worker.testing.jobs_ranges_conformance import RangesConformance
from llamaparse_worker.testing.jobs_reopening_conformance import ReopeningConformance
from llamaparse_worker.testing.jobs_tenant_conformance import TenantConformance
from llamaparse_worker.testing.jobs_webhooks_conformance import WebhooksConformance


class JobStoreConformance(
    ClaimConformance,
    AttemptConformance,
    OutcomeConformance,
    LettersConformance,
    RangesConformance,
    ReopeningConformance,
    TenantConformance,
    WebhooksConformance,
):
    """The contract of ``JobStore``. Each test gets an empty, migrated store from the fixture ``store``."""
