"""The embedded queue keeps the contract of a durable broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from llamaparse_worker.backends.broker.embedded.broker import open_embedded
from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.interfaces import Broker
from llamaparse_worker.testing.broker_conformance import BrokerAddress, DurableBrokerConformance


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
