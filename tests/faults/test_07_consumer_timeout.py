"""Promise 7: a broker that takes a message back from a long job does not have it done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.deployment import Servers, deployed
from faults.scale import scaled
from support.services import Postgres, S3Server, rabbitmq_node

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(scaled(short=150, full=600))]

TIMEOUT_S = scaled(short=3, full=60)
LOOKS_EVERY_S = scaled(short=1, full=60)
"""The broker looks for late acknowledgements this often; 60 is its own default."""
PAGES = scaled(short=["slow 4"] * 2, full=["slow 15"] * 10)


async def test_a_job_that_is_longer_than_the_consumer_timeout(postgres: Postgres, s3: S3Server, tmp_path: Path) -> None:
    terms = (f"{{consumer_timeout, {TIMEOUT_S * 1000}}}", f"{{channel_tick_interval, {LOOKS_EVERY_S * 1000}}}")
    with rabbitmq_node(*terms) as rabbitmq:
        async with deployed(Servers(rabbitmq, postgres, s3), tmp_path) as deployment:
            workers = [deployment.replica() for _ in range(2)]
            for worker in workers:
                worker.start()
            await deployment.publish("long", pages=PAGES)
            history = await deployment.verdict(scaled(short=90, full=400))
            lost = sum(len(worker.events("broker.connection_lost")) for worker in workers)
            await deployment.consuming(2, 30)

    assert lost, "the broker closed the channel over the job"
    assert history.claims_of("long") == 1
    assert history.pages_read["long"] == [*range(1, len(PAGES) + 2)], "each page was read once"
