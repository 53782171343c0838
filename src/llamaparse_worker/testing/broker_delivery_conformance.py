"""How messages come, and what becomes of them: a part of the broker's contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from llamaparse_worker.interfaces import Broker, Delivery, Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import OutboxEvent
from llamaparse_worker.testing.broker_samples import (
    QUIET_S,
    SOON_S,
    acknowledged,
    expect_silence,
    numbered,
    publish_numbered,
    take,
)


@pytest.mark.anyio
class DeliveryConformance:
    """Messages are delivered at least once, in order, within the prefetch."""

    async def test_a_message_arrives_as_it_was_published(self, broker: Broker) -> None:
        """Body, id and headers survive."""
        message = Message('{"grüße": 1}'.encode() + bytes(range(256)), "m-ü", {"x-tenant": "größe", "empty": ""})
        await broker.publish(message)

        async with broker.consume(prefetch=1) as deliveries:
            delivery = await take(deliveries)
            await delivery.acknowledge()

        assert delivery.message.body == message.body
        assert delivery.message.id == message.id
        assert dict(delivery.message.headers) == dict(message.headers)

    async def test_a_waiting_consumer_gets_a_message_at_once(self, broker: Broker) -> None:
        """Publishing in the same process wakes the iterator."""
        async with broker.consume(prefetch=1) as deliveries, anyio.create_task_group() as tasks:

            async def publish_later() -> None:
                await anyio.sleep(QUIET_S)
                await broker.publish(numbered(1))

            tasks.start_soon(publish_later)
            delivery = await take(deliveries)
            await delivery.acknowledge()

        assert delivery.message.id == "m-1"

    async def test_messages_come_in_the_order_of_publishing(self, broker: Broker) -> None:
        """First in, first out, for one consumer."""
        await publish_numbered(broker, 20)

        async with broker.consume(prefetch=1) as deliveries:
            found = [await acknowledged(deliveries) for _ in range(20)]

        assert found == [f"m-{number}" for number in range(20)]

    async def test_an_acknowledged_message_does_not_come_again(self, broker: Broker) -> None:
        """The queue is empty for the next consumer."""
        await broker.publish(numbered(1))
        async with broker.consume(prefetch=1) as deliveries:
            await acknowledged(deliveries)

        await expect_silence(broker)

    async def test_a_requeued_message_comes_again(self, broker: Broker) -> None:
        """With the same content."""
        await broker.publish(numbered(1))
        async with broker.consume(prefetch=1) as deliveries:
            first = await take(deliveries)
            await first.requeue()
            second = await take(deliveries)
            await second.acknowledge()

        assert second.message.body == first.message.body

    async def test_no_more_than_the_prefetch_is_unsettled(self, broker: Broker) -> None:
        """The next message comes when one was settled."""
        await publish_numbered(broker, 3)
        async with broker.consume(prefetch=2) as deliveries:
            held = [await take(deliveries), await take(deliveries)]
            with anyio.move_on_after(QUIET_S):
                held.append(await anext(deliveries))
            assert len(held) == 2

            await held[0].acknowledge()
            held.append(await take(deliveries))
            for delivery in held[1:]:
                await delivery.acknowledge()

        assert [delivery.message.id for delivery in held] == ["m-0", "m-1", "m-2"]

    async def test_a_delivery_is_settleable_after_its_consumer_ended(self, broker: Broker) -> None:
        """A drain stops intake first; running jobs settle later."""
        await publish_numbered(broker, 3)
        async with broker.consume(prefetch=3) as deliveries:
            held = [await take(deliveries) for _ in range(3)]

        await held[0].acknowledge()
        await held[1].dead_letter(Death(code="TIMEOUT", message="too long"))
        await held[2].requeue()

        assert [letter.id for letter in await broker.dead_letters(limit=10)] == ["m-1"]
        async with broker.consume(prefetch=3) as deliveries:
            assert await acknowledged(deliveries) == "m-2"
        await expect_silence(broker)

    async def test_messages_that_nobody_took_come_back(self, broker: Broker) -> None:
        """Leaving the context gives back what the client had fetched ahead, in its old order."""
        await publish_numbered(broker, 5)
        async with broker.consume(prefetch=5) as deliveries:
            held = await take(deliveries)
            await anyio.sleep(QUIET_S)

        async with broker.consume(prefetch=1) as deliveries:
            found = [await acknowledged(deliveries) for _ in range(4)]
        await held.acknowledge()

        assert found == ["m-1", "m-2", "m-3", "m-4"]

    async def test_the_iterator_ends_when_the_context_is_left(self, broker: Broker) -> None:
        """Also for a task that is waiting in it."""
        ended = anyio.Event()

        async def drain(deliveries: AsyncIterator[Delivery]) -> None:
            async for _ in deliveries:
                pytest.fail("nothing was published")
            ended.set()

        async with anyio.create_task_group() as tasks:
            async with broker.consume(prefetch=1) as deliveries:
                tasks.start_soon(drain, deliveries)
                await anyio.sleep(QUIET_S)
            with anyio.fail_after(SOON_S):
                await ended.wait()

    async def test_two_consumers_never_get_the_same_message(self, broker: Broker) -> None:
        """Every message goes to one of them."""
        await publish_numbered(broker, 40)
        found: list[str] = []
        complete = anyio.Event()

        async def work() -> None:
            async with broker.consume(prefetch=2) as deliveries:
                async for delivery in deliveries:
                    found.append(delivery.message.id)
                    await delivery.acknowledge()
                    if len(found) == 40:
                        complete.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            tasks.start_soon(work)
            with anyio.fail_after(SOON_S):
                await complete.wait()
            tasks.cancel_scope.cancel()

        assert sorted(found) == sorted(f"m-{number}" for number in range(40))

    async def test_many_messages_pass(self, broker: Broker) -> None:
        """Published at once from several tasks, none is lost or doubled."""
        async with broker.consume(prefetch=8) as deliveries, anyio.create_task_group() as tasks:
            for part in range(4):
                tasks.start_soon(self._publish_part, broker, part)
            found = [await acknowledged(deliveries) for _ in range(200)]

        assert sorted(found) == sorted(f"m-{number}" for number in range(200))
        await expect_silence(broker)

    async def test_an_event_may_be_announced_to_nobody(self, broker: Broker) -> None:
        """It does not become a job, and needs no listener."""
        await broker.announce(OutboxEvent("e-1", "job.completed", b"{}"))

        depth, *_ = await broker.depths()
        assert depth.ready == 0

    async def test_ping_says_what_the_broker_is(self, broker: Broker) -> None:
        """Some text that a person understands."""
        assert await broker.ping()

    async def _publish_part(self, broker: Broker, part: int) -> None:
        for number in range(50 * part, 50 * (part + 1)):
            await broker.publish(numbered(number))
