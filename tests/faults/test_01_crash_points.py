"""Promise 1: a worker that dies at any point of a job's way loses no job, and none has two effects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from faults.deployment import Deployment, Servers, deployed
from faults.history import COMPLETED, EITHER, History
from faults.plugin import FLAKY
from faults.replica import STRUCK, Replica
from faults.scale import scaled
from faults.waiting import reaches
from support.webhooks import receiver_in

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=900, full=7200))]

RUNS = scaled(short=1, full=10)
STRIKE_LIMIT_S = 60
REST_LIMIT_S = 90
"""Longer than ``PUBLISH_WITHIN_S``: a worker that dies over publishing has another take over only then."""

SLOW = ("slow 0.7", "slow 0.7")
ON_THE_WAY_IN = (
    *("take.after", "claim.before", "claim.after", "fetch.before", "fetch.after"),
    *("renew.before", "renew.after", "open.after", "page.after"),
    *(f"store {name}.{side}" for name in ("result.md", "result.txt") for side in ("before", "after")),
)
ON_THE_WAY_OUT = (
    *(f"store {name}.{side}" for name in ("result.json", "manifest.json") for side in ("before", "after")),
    *("finish.before", "finish.after", "acknowledge.before", "acknowledge.after"),
    *("outbox.after", "announce.before", "announce.after", "sent.before", "sent.after"),
)
OF_A_DRAIN = ("release.before", "release.after", "requeue.before", "requeue.after")
OF_A_RETRY = (
    *("due.after", "publish.before", "publish.after", "published.before", "published.after"),
    *("retry_later.before", "retry_later.after"),
)
OF_NO_JOB = ("dead_letter.before", "dead_letter.after")
"""With a message that cannot be read."""
OF_A_JOB_GIVEN_UP = ("owed_letters.after", "bury.before", "bury.after", "buried.before", "buried.after")
OF_A_WEBHOOK = ("owed_calls.after", "call_ended.before", "call_ended.after")
"""``call_ended.before``: the receiver has taken the event, and nobody knows."""
OF_A_WEBHOOK_THAT_IS_DOWN = ("call_later.before", "call_later.after")
OF_A_LOST_LEASE = {"sweep.after": "fetch.after", "range sweep.after": "range claim.after"}
"""With the point at which the lease is lost: one that outlasts the next start, so that its message comes again before
and is dropped."""
OF_A_SPLIT_JOB = (
    *("range split.before", "range split.after", "range due.after", "range published.before", "range published.after"),
    *("range claim.before", "range claim.after", "range renew.before", "range renew.after"),
    *("range finish.before", "range finish.after", "range of.before", "range of.after", "range sweep.after"),
)
OF_A_RANGE_IN_A_DRAIN = ("range release.before", "range release.after")
FOR_ALL_JOBS = ("outbox", "announce", "sent", "sweep", "owed_letters", "range due", "range sweep")
"""Calls that serve all jobs at once: whoever makes one first is struck."""
LANES = {
    "in": ON_THE_WAY_IN,
    "out": ON_THE_WAY_OUT,
    "back": (*OF_A_DRAIN, *OF_A_RETRY, "sweep.after"),
    "letters": OF_NO_JOB + OF_A_JOB_GIVEN_UP,
}


@pytest.mark.parametrize("lane", LANES)
async def test_death_at_every_point(lane: str, servers: Servers, tmp_path: Path) -> None:
    points = LANES[lane]
    variables = {"JOB_LEASE_SECONDS": "1", "JOB_RETRY_DELAY_SECONDS": "0.05", "JOB_MAX_ATTEMPTS": "6"}
    async with deployed(servers, tmp_path, **variables) as deployment:
        history = await _struck_at_each(points, deployment)

    unread = {letter.job for letter in history.letters if letter.code == "INVALID_JOB"}
    assert len(history.rows) + len(unread) == len(points) * RUNS


async def test_death_at_every_point_of_a_webhook(servers: Servers, tmp_path: Path) -> None:
    points = OF_A_WEBHOOK + OF_A_WEBHOOK_THAT_IS_DOWN
    receiver = receiver_in(tmp_path)
    async with receiver.listening():
        variables = {"JOB_LEASE_SECONDS": "1", "WEBHOOK_TIMEOUT_SECONDS": "2", **receiver.variables()}
        async with deployed(servers, tmp_path, **variables) as deployment:
            deployment.receiver = receiver
            replica = deployment.replica()
            for run in range(RUNS):
                for number, point in enumerate(points):
                    receiver.status = 503 if point in OF_A_WEBHOOK_THAT_IS_DOWN else 204
                    await _strike(deployment, replica, point, f"run{run}-{number}-{point}")
            receiver.status = 204
            replica.start()
            history = await deployment.verdict(REST_LIMIT_S)

    assert len(history.rows) == len(points) * RUNS
    assert len(history.calls or ()) > len(points) * RUNS, "an answer that nobody noted is asked for again"


async def test_death_at_every_point_of_a_job_that_is_split(servers: Servers, tmp_path: Path) -> None:
    points = OF_A_SPLIT_JOB + OF_A_RANGE_IN_A_DRAIN
    variables = {"JOB_LEASE_SECONDS": "1", "JOB_MAX_ATTEMPTS": "6", "SPLIT_PAGES": "2", "PARSER_CONCURRENCY": "1"}
    async with deployed(servers, tmp_path, **variables) as deployment:
        history = await _struck_at_each(points, deployment)

    assert len(history.rows) == len(points) * RUNS
    assert all(history.claims_of(job) >= 2 for job in history.rows), "each was split"


async def _struck_at_each(points: Sequence[str], deployment: Deployment) -> History:
    """See the worker die at each point, as often as is to be; gives what one that lives on has made of it."""
    replica = deployment.replica()
    for run in range(RUNS):
        for number, point in enumerate(points):
            await _strike(deployment, replica, point, f"run{run}-{number}-{point.replace(' ', '-')}")
    replica.start()
    return await deployment.verdict(REST_LIMIT_S)


async def _strike(deployment: Deployment, replica: Replica, point: str, name: str) -> None:
    """Lead a job to the point and see the worker die there; its next life has to clean up."""
    call = point.partition(".")[0]
    drained, tried_again = point in OF_A_DRAIN + OF_A_RANGE_IN_A_DRAIN, point in OF_A_RETRY + OF_A_JOB_GIVEN_UP
    job = f"{name}-{FLAKY}" if tried_again else name
    split = point in OF_A_SPLIT_JOB + OF_A_RANGE_IN_A_DRAIN
    pages = SLOW * 2 if split else SLOW if drained or call in {"renew", "open", "page"} else ()
    if point in OF_NO_JOB:
        await deployment.send({"job_id": job, "colour": "blue"}, message_id=job)
    else:
        await deployment.publish(job, pages=pages, ends=EITHER if tried_again else COMPLETED)
    if lost := OF_A_LOST_LEASE.get(point):
        replica.start(FAULT_POINT=lost, FAULT_JOB=job, JOB_LEASE_SECONDS="10")
        await _death(replica, lost)
    one_job = {} if call in FOR_ALL_JOBS else {"FAULT_JOB": job}
    replica.start(FAULT_POINT=point, **one_job, **({"GRACE_PERIOD": "0"} if drained else {}))
    if drained:
        begins = "page_range.started" if split else "job.started"
        await reaches(lambda: any(one["job"] == job for one in replica.events(begins)), STRIKE_LIMIT_S)
        replica.daemon.terminate()
    await _death(replica, point)


async def _death(replica: Replica, point: str) -> None:
    await reaches(lambda: replica.status is not None, STRIKE_LIMIT_S, why=lambda: f"{point}\n{replica.log()}")
    assert replica.status == STRUCK, f"{point}: {replica.log()}"
