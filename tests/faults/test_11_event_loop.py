"""Promise 11: nothing that a document does keeps the event loop, nor costs the connection to the broker."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from faults.deployment import Deployment, Servers, deployed
from faults.history import EITHER, FAILED, History
from faults.replica import Replica
from faults.scale import scaled
from llamaparse_worker.testing.reader import Opening, script
from llamaparse_worker.worker.lag import LoopLag

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=150, full=300))]

BUSY_S = scaled(short=8, full=30)
LAG_S = 0.25
SHARE_WITHIN = scaled(short=0.99, full=0.999)
"""In short form there are too few samples for a thousandth of them. On a machine that has too much to do any loop is
late: what one of the test's own sees in the same time is forgiven twice over."""
HOSTILE = (
    *("crash", "crash-once", "unreadable", "bug"),
    *(f"text {'word ' * 200_000}", "\n".join(["text"] * 3000)),
)


async def lags(worker: Replica) -> dict[float, float]:
    """Count the samples of the loop's lag that were at most so late, in seconds."""
    found = {}
    for line in (await worker.get("/metrics"))[1].splitlines():
        if line.startswith('llamaparse_worker_event_loop_lag_seconds_bucket{le="'):
            bound, _, count = line.partition('le="')[2].partition('"} ')
            found[float(bound)] = float(count)
    return found


async def test_hostile_documents_and_a_busy_parser_process(servers: Servers, tmp_path: Path) -> None:
    async with deployed(
        servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY="4", PAGE_TIMEOUT_SECONDS=str(BUSY_S + 10), JOB_LEASE_SECONDS="30"
    ) as deployment:
        worker = deployment.replica()
        worker.start()
        await deployment.consuming(1, 120)
        await anyio.sleep(1)
        before = await lags(worker)
        beside: list[float] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(LoopLag(beside.append).run)
            history = await _hostile_run(deployment)
            tasks.cancel_scope.cancel()
        after = await lags(worker)

    count = {bound: after[bound] - before[bound] for bound in after}
    late = 1 - count[LAG_S] / count[float("inf")]
    late_beside = sum(lag > LAG_S for lag in beside) / len(beside)
    print(f"{late:.4%} of {count[float('inf')]:g} samples later than {LAG_S} s, {late_beside:.4%} in a loop beside it")  # noqa: T201 - the report
    assert late <= 1 - SHARE_WITHIN + 2 * late_beside
    assert not worker.events("broker.connection_lost")
    assert history.claims_of("busy") == 1


async def _hostile_run(deployment: Deployment) -> History:
    await deployment.publish("busy", pages=[f"busy {BUSY_S}"])
    for number, page in enumerate(HOSTILE):
        await deployment.publish(f"hostile-{number}", pages=["text", page], ends=EITHER)
    for opening in (Opening.CRASH, Opening.CORRUPT):
        await deployment.publish(f"hostile-{opening}", content=script("text x", opening=opening), ends=FAILED)
    return await deployment.verdict(BUSY_S + 90)
