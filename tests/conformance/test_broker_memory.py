"""The broker in memory keeps the contract, and can be broken on purpose."""

from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.testing.broker import MemoryBroker
from llamaparse_worker.testing.broker_conformance import BrokerConformance
from llamaparse_worker.testing.broker_samples import numbered, take

pytestmark = pytest.mark.anyio


class TestMemoryBroker(BrokerConformance):
    @pytest.fixture
    def broker(self) -> MemoryBroker:
        return MemoryBroker()


async def test_a_lost_consumer_gets_its_message_again_and_the_old_delivery_is_void() -> None:
    broker = MemoryBroker()
    await broker.publish(numbered(1))
    async with broker.consume(prefetch=1) as deliveries:
        old = await take(deliveries)
        broker.lose_consumers()
        new = await take(deliveries)
        with pytest.raises(BackendUnavailable):
            await old.acknowledge()
        await new.acknowledge()

    depth, *_ = await broker.depths()
    assert (depth.ready, depth.unacknowledged) == (0, 0)


async def test_a_broker_that_is_down_answers_nothing_until_it_is_up() -> None:
    broker = MemoryBroker()
    await broker.publish(numbered(1))
    broker.down = True
    with pytest.raises(BackendUnavailable):
        await broker.publish(numbered(2))
    async with broker.consume(prefetch=1) as deliveries:
        with anyio.move_on_after(0.1):
            pytest.fail(f"{await anext(deliveries)} came from a broker that is down")
        broker.down = False
        broker.wake()
        await (await take(deliveries)).acknowledge()
