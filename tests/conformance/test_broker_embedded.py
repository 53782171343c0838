"""The embedded queue keeps the contract of a durable broker."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import anyio
import pytest

from llamaparse_worker.backends.broker.embedded.broker import open_embedded
from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.backends.broker.embedded.table import storage_error
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, StorageFull
from llamaparse_worker.interfaces import Broker
from llamaparse_worker.testing.broker_conformance import BrokerAddress, DurableBrokerConformance
from llamaparse_worker.testing.broker_samples import numbered, publish_numbered, take

_PUBLISH_ELSEWHERE = """
import anyio, json, pathlib, sys, time
from llamaparse_worker.backends.broker.embedded.broker import open_embedded
from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.interfaces import Message

async def main():
    async with open_embedded(EmbeddedQueueSettings(sqlite_path=pathlib.Path(sys.argv[1]))) as broker:
        for number in range(5):
            await anyio.sleep(0.3)
            await broker.publish(Message(json.dumps(time.monotonic()).encode(), str(number)))

anyio.run(main)
"""


class TestEmbeddedBroker(DurableBrokerConformance):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> EmbeddedQueueSettings:
        return EmbeddedQueueSettings(sqlite_path=tmp_path / "new" / "queue.sqlite3", embedded_queue_lease_seconds=1.5)

    @pytest.fixture
    async def broker(self, settings: EmbeddedQueueSettings) -> AsyncIterator[Broker]:
        async with open_embedded(settings) as broker:
            yield broker

    @pytest.fixture
    def reopen(self, settings: EmbeddedQueueSettings) -> Callable[[], AbstractAsyncContextManager[Broker]]:
        return partial(open_embedded, settings)

    @pytest.fixture
    def address(self, settings: EmbeddedQueueSettings) -> BrokerAddress:
        return BrokerAddress(
            "llamaparse_worker.backends.broker.embedded.broker:component",
            {"sqlite_path": str(settings.sqlite_path), "embedded_queue_lease_seconds": 1.5},
        )

    async def test_a_message_of_another_process_is_seen_within_200_milliseconds(
        self, broker: Broker, settings: EmbeddedQueueSettings
    ) -> None:
        delays_s = []
        async with (
            broker.consume(prefetch=1) as deliveries,
            await anyio.open_process(
                [sys.executable, "-c", _PUBLISH_ELSEWHERE, str(settings.sqlite_path)], stdout=None, stderr=None
            ),
        ):
            for _ in range(5):
                delivery = await take(deliveries)
                delays_s.append(time.monotonic() - json.loads(delivery.message.body))
                await delivery.acknowledge()

        assert sorted(delays_s)[2] < 0.2, delays_s

    async def test_a_lease_is_renewed_as_long_as_the_message_is_held(
        self, broker: Broker, reopen: Callable[[], AbstractAsyncContextManager[Broker]]
    ) -> None:
        await broker.publish(numbered(1))
        async with broker.consume(prefetch=1) as deliveries:
            held = await take(deliveries)
        async with reopen() as other, other.consume(prefetch=1) as deliveries:
            with anyio.move_on_after(3.2):
                pytest.fail(f"{(await anext(deliveries)).message.id} was delivered twice")
        await held.acknowledge()

    async def test_the_old_holder_of_an_expired_lease_cannot_settle(
        self, broker: Broker, settings: EmbeddedQueueSettings
    ) -> None:
        await broker.publish(numbered(1))
        async with broker.consume(prefetch=2) as deliveries:
            old = await take(deliveries)
            with sqlite3.connect(settings.sqlite_path) as elsewhere:
                elsewhere.execute("UPDATE queue_messages SET lease_until = 0")
            elsewhere.close()
            new = await take(deliveries)
            with pytest.raises(BackendUnavailable, match="lease"):
                await old.acknowledge()
            await new.acknowledge()

        assert new.message.id == old.message.id

    async def test_a_queue_of_another_name_is_another_queue_of_the_family(
        self, broker: Broker, settings: EmbeddedQueueSettings
    ) -> None:
        urgent = settings.model_copy(update={"job_queue_name": f"{settings.job_queue_name}.high"})
        async with open_embedded(urgent) as other:
            await publish_numbered(other, 2)
            its_own, *_ = await other.depths()
        await broker.publish(numbered(7))

        found = {depth.name: depth.ready for depth in await broker.depths() if depth.ready}

        assert its_own.ready == 2
        assert found == {"parse_raw_file_job": 1, "parse_raw_file_job.high": 2}

    async def test_waiting_costs_next_to_nothing(self, broker: Broker) -> None:
        async with broker.consume(prefetch=1) as deliveries:
            before_s = time.process_time()
            with anyio.move_on_after(2):
                await anext(deliveries)
            assert time.process_time() - before_s < 0.06


@pytest.mark.anyio
async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    for path in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "queue.sqlite3"):
        with pytest.raises(ConfigurationError, match="SQLITE_PATH"):
            async with open_embedded(EmbeddedQueueSettings(sqlite_path=path)):
                pytest.fail(f"{path} was opened")


def test_a_full_disk_is_told_from_a_locked_file(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    first = sqlite3.connect(path, isolation_level=None)
    second = sqlite3.connect(path, isolation_level=None, timeout=0)
    first.execute("CREATE TABLE t (b)")
    first.execute("PRAGMA max_page_count = 3")

    with pytest.raises(sqlite3.Error) as full:
        first.execute("INSERT INTO t VALUES (zeroblob(100000))")
    first.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.Error) as locked:
        second.execute("INSERT INTO t VALUES (1)")
    first.close()
    second.close()

    assert isinstance(storage_error(full.value, path), StorageFull)
    assert isinstance(storage_error(locked.value, path), BackendUnavailable)
