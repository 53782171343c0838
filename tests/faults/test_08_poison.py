"""Promise 8: a document that kills whatever touches it ends alone, after the attempts that it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.deployment import Servers, deployed
from faults.history import FAILED
from faults.replica import STRUCK
from faults.scale import scaled
from faults.waiting import reaches
from llamaparse_worker.testing.reader import Opening, script

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=200, full=400))]

INNOCENTS = scaled(short=29, full=99)
PREFETCH = "8"


async def test_a_document_that_kills_its_parser_process(servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY=PREFETCH) as deployment:
        worker = deployment.replica()
        await deployment.publish(*_innocents(INNOCENTS // 2), pages=["slow 0.05"])
        await deployment.publish("poison", content=script("text", "poison", opening=Opening.CRASH), ends=FAILED)
        await deployment.publish(*_innocents(INNOCENTS)[INNOCENTS // 2 :], pages=["slow 0.05"])
        worker.start()
        history = await deployment.verdict(90)
        assert (worker.starts, worker.status) == (1, None), "the worker lives"

    assert history.rows["poison"].error_code == "PARSER_CRASHED"
    assert history.rows["poison"].attempt == 1, "its second parser process is part of the same attempt"
    assert all(history.claims_of(job) == 1 for job in _innocents(INNOCENTS)), "nobody else noticed"


async def test_a_job_that_kills_its_worker(servers: Servers, tmp_path: Path) -> None:
    """It takes those along that are in work beside it: they are begun again, and none is given up for it."""
    trap = {"FAULT_POINT": "page.after", "FAULT_JOB": "poison"}
    async with deployed(
        servers, tmp_path, PDF_JOB_QUEUE_CONCURRENCY=PREFETCH, PARSER_CONCURRENCY=PREFETCH, **trap
    ) as deployment:
        worker = deployment.replica()
        await deployment.publish(*_innocents(INNOCENTS // 2), pages=["slow 2"])
        await deployment.publish("poison", pages=["slow 0.1", "slow 30"], ends=FAILED)
        await deployment.publish(*_innocents(INNOCENTS)[INNOCENTS // 2 :], pages=["slow 2"])
        for _ in range(3):
            worker.start()
            await reaches(lambda: worker.status is not None, 60, why=deployment.logs)
            assert worker.status == STRUCK, worker.log()
        worker.start()
        await deployment.buried(1, 60)
        history = await deployment.verdict(90)

    assert history.rows["poison"].error_code == "ATTEMPTS_EXHAUSTED"
    assert history.rows["poison"].attempt == 3
    assert [(letter.job, letter.code) for letter in history.letters] == [("poison", "ATTEMPTS_EXHAUSTED")]


def _innocents(count: int) -> list[str]:
    return [f"innocent-{number}" for number in range(count)]
