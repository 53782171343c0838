"""Promise 5: a message that comes five times, also to three workers at once, has one effect."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from faults.deployment import Servers, deployed
from faults.scale import scaled

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

JOBS = scaled(short=15, full=200)
COPIES = 5


async def test_five_copies_to_three_workers_have_one_effect(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY="2", JOB_LEASE_SECONDS="60") as deployment:
        workers = [deployment.replica() for _ in range(3)]
        for worker in workers:
            worker.start()
        await deployment.consuming(3, 120)
        await deployment.publish(*(f"copied-{number}" for number in range(JOBS)), pages=["slow 0.1"], copies=COPIES)

        history = await deployment.verdict(scaled(short=60, full=240))
        taken = sum([await worker.metric("llamaparse_job_consumed_total") for worker in workers])
        await anyio.sleep(1)
        late = await deployment.history()

    assert taken == JOBS * COPIES, "each copy was delivered to somebody"
    assert all(history.claims_of(job) == 1 for job in history.rows)
    assert history.wasted_share == 0, "no page was read twice: that is what a provider would be paid for"
    assert not late.events, "no copy had an event of its own"
