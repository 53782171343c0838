"""Promise 9: where dead letters cannot go, the message stays, and a metric says so within a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.deployment import Servers, deployed
from faults.history import FAILED
from faults.plugin import FLAKY
from faults.waiting import reaches

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

ALARM_S = 60


@pytest.mark.parametrize("doomed", ["no job", "given up"])
async def test_a_dead_letter_queue_that_was_deleted(doomed: str, servers: Servers, tmp_path: Path) -> None:
    async with deployed(servers, tmp_path, JOB_MAX_ATTEMPTS="1", PDF_JOB_QUEUE_CONCURRENCY="2") as deployment:
        worker = deployment.replica()
        worker.start()
        await deployment.consuming(1, 120)  # each of its connections makes missing queues
        async with deployment.channel() as channel:
            await channel.queue_delete(f"dead_letters.{deployment.queue}")
        name = f"doomed-{FLAKY}"
        if doomed == "no job":
            await deployment.send({"job_id": name, "colour": "blue"}, message_id=name)
        else:
            await deployment.publish(name, ends=FAILED)

        async def alarmed() -> bool:
            return await worker.metric("llamaparse_worker_dead_letters_refused_total") > 0

        await reaches(alarmed, ALARM_S, why=deployment.logs)
        assert await worker.ready(), "other jobs go on"
        await deployment.publish("innocent")
        await reaches(lambda: _done(worker.events("job.settled")), 30, why=deployment.logs)
        await deployment.declare()
        await deployment.buried(1, 60)  # a debt is taken up again after ``BURY_WITHIN_S``
        history = await deployment.verdict(60)

    assert [letter.job for letter in history.letters] == [name]


def _done(settled: list[dict[str, object]]) -> bool:
    return any(event["job"] == "innocent" and event["outcome"] == "completed" for event in settled)
