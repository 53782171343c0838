"""Promise 12: without its database the worker takes nothing, settles nothing, lives, and recovers by itself."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from faults.deployment import Servers, deployed
from faults.scale import scaled
from faults.waiting import reaches

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=150, full=600))]

OUTAGE_S = scaled(short=6, full=300)
JOBS = 12


async def test_an_outage_of_the_database(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY="2", JOB_MAX_ATTEMPTS="5") as deployment:
        worker = deployment.replica()
        worker.start()
        await reaches(worker.ready, 60, why=deployment.logs)

        async def unready() -> bool:
            return (await worker.get("/readyz"))[0] == 503

        servers.postgres.stop(crash=True)
        try:
            await deployment.publish(*(f"patient-{number}" for number in range(JOBS)))
            await reaches(unready, 30, why=deployment.logs)
            with anyio.move_on_after(OUTAGE_S):
                while True:
                    assert (await worker.get("/livez"))[0] == 200, "a restart would not bring the database back"
                    assert (await worker.get("/readyz"))[0] == 503
                    await anyio.sleep(1)
            assert not worker.events("job.settled"), "no message was settled"
            assert await deployment.ready_messages() == JOBS - 2, "it holds as many as it has slots, and no more"
        finally:
            servers.postgres.start()
        await reaches(worker.ready, 30, why=deployment.logs)
        history = await deployment.verdict(90)
        assert worker.status is None, "it lived through it"

    assert all(row.attempt == 1 for row in history.rows.values())
