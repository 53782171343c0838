"""What is known of one delivery of a job, from its arrival to its settlement."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from llamaparse_worker.interfaces import Delivery
from llamaparse_worker.model.job import Job, JobStatus, Lease
from llamaparse_worker.pipeline.checkpoints import Checkpoints
from llamaparse_worker.pipeline.job import Attempt


@dataclass(slots=True)
class Case:
    """Filled in as the delivery goes its way; each part is None until it is known."""

    delivery: Delivery
    job: Job | None = None
    lease: Lease | None = None
    checkpoints: Checkpoints | None = None
    attempt: Attempt | None = None
    stopped_by: JobStatus | None = None
    """The status that ended the attempt from outside."""
    started: float = field(default_factory=time.perf_counter)
