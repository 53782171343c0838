"""Page ranges of a large document: one lost with its worker is read again alone, and a cancelled job stops them all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from faults.deployment import Deployment, Servers, deployed
from faults.replica import Replica
from faults.waiting import reaches
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.postgres.store import open_postgres
from llamaparse_worker.model.job import JobStatus

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(200)]

RANGE = 10
RANGES = 6
SPLIT = {"SPLIT_PAGES": str(RANGE), "PARSER_CONCURRENCY": "1", "CHECKPOINT_SECONDS": "20"}
CANCEL_S = 2


async def _reading(deployment: Deployment, workers: list[Replica], page: str) -> None:
    """Have each of the workers read a range of the job ``large``."""
    for worker in workers:
        worker.start()
    await deployment.consuming(len(workers), 120)
    await deployment.publish("large", pages=[page] * (RANGE * RANGES - 1))
    await reaches(lambda: all(worker.events("page_range.started") for worker in workers), 60, why=deployment.logs)


async def test_a_worker_that_dies_takes_one_range_along_for_a_while(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, **SPLIT) as deployment:
        workers = [deployment.replica() for _ in range(3)]
        await _reading(deployment, workers, "slow 0.1")
        lost = workers[0].events("page_range.started")[-1]["first_page"]
        workers[0].kill()

        history = await deployment.verdict(60)
        read = [one for one in _settled(workers) if one["outcome"] == "read"]

    again = {page for page in history.pages_read["large"] if history.pages_read["large"].count(page) > 1}
    assert again <= set(range(lost, lost + RANGE)), "no page of another range was read twice"
    attempts = {one["first_page"]: one["attempt"] for one in read}
    assert attempts == {1 + RANGE * number: 1 for number in range(RANGES)} | {lost: 2}
    assert len(read) == RANGES
    assert all(worker.events("page_range.settled") for worker in workers[1:]), "they were shared"
    assert history.claims_of("large") == 2, "one to split it, one to assemble it"


async def test_a_cancelled_job_stops_the_ranges_of_all_workers(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, **SPLIT) as deployment:
        workers = [deployment.replica() for _ in range(2)]
        await _reading(deployment, workers, "slow 1")
        async with open_postgres(PostgresSettings(database_url=SecretStr(deployment.database))) as jobs:
            assert await jobs.cancel("large") is JobStatus.CANCELLED
        at = time.monotonic()

        def stopped() -> bool:
            return sum(one["outcome"] == "cancelled" for one in _settled(workers)) == len(workers)

        await reaches(stopped, CANCEL_S + 5, why=deployment.logs)
        took_s = time.monotonic() - at
        await reaches(lambda: len(_settled(workers)) == RANGES, 30, why=deployment.logs)
        await deployment.rest(30)
        history = await deployment.history()

    assert took_s < CANCEL_S
    assert history.rows["large"].status == JobStatus.CANCELLED
    assert {told.status for told in history.events} == {JobStatus.CANCELLED}
    assert len({told.id for told in history.events}) == 1, "one event, however often it was sent"
    assert not history.files, "no checkpoint is left"


def _settled(workers: list[Replica]) -> list[dict[str, object]]:
    return [one for worker in workers for one in worker.events("page_range.settled")]
