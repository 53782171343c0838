"""The queues of a family and how they share what a worker takes: a part of the broker's contract."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from llamaparse_worker.interfaces import RANGE_HEADER, Broker, Delivery
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import RANGES
from llamaparse_worker.testing.broker_samples import (
    QUIET_S,
    SOON_S,
    a_range,
    expect_silence,
    numbered,
    publish_numbered,
    take,
)


@pytest.mark.anyio
class QueuesConformance:
    """Priorities and page ranges have queues of their own, and one limit."""

    async def test_each_priority_has_a_queue_and_its_share(self, broker: Broker) -> None:
        """The urgent come first, in their order; the others get a turn in each round."""
        for number in range(10):
            for priority in (Priority.LOW, Priority.MEDIUM, Priority.CRITICAL):
                await broker.publish(replace(numbered(number), priority=priority))

        async with broker.consume(prefetch=1) as deliveries:
            found = []
            for _ in range(13):
                delivery = await take(deliveries)
                found.append((delivery.message.priority, delivery.message.id))
                await delivery.acknowledge()

        critical = [(Priority.CRITICAL, f"m-{number}") for number in range(10)]
        others = [(Priority.MEDIUM, "m-0"), (Priority.MEDIUM, "m-1"), (Priority.LOW, "m-0")]
        assert found == [*critical[:8], *others, *critical[8:]]

    async def test_a_job_waits_for_one_page_range_at_most(self, broker: Broker) -> None:
        """However many ranges wait: one that was just taken is followed by the job that came meanwhile."""
        for number in range(6):
            await broker.publish(a_range(number))

        found = []
        async with broker.consume(prefetch=1) as deliveries:
            for number in range(6):
                delivery = await take(deliveries)
                if number in {1, 2, 4}:
                    await broker.publish(replace(numbered(number), priority=Priority.LOW))
                found.append(delivery.message.queue)
                await delivery.acknowledge()

        assert found == [RANGES, RANGES, Priority.LOW, Priority.LOW, RANGES, Priority.LOW]

    async def test_page_ranges_get_a_turn_among_jobs_that_never_end(self, broker: Broker) -> None:
        """They are counted apart, and keep their header."""
        await broker.publish(a_range(1))
        await publish_numbered(broker, 3)
        depths = {depth.name: depth.ready for depth in await broker.depths()}
        assert [ready for name, ready in depths.items() if name.endswith("_ranges")] == [1]

        async with broker.consume(prefetch=1) as deliveries:
            found = []
            for _ in range(4):
                delivery = await take(deliveries)
                found.append(delivery.message)
                await delivery.acknowledge()

        assert [message.queue for message in found] == [Priority.MEDIUM, Priority.MEDIUM, RANGES, Priority.MEDIUM]
        assert found[2].headers[RANGE_HEADER] == "1"

    async def test_priorities_share_one_prefetch(self, broker: Broker) -> None:
        """What is in no hands cannot be harmed by the end of this worker."""
        async with broker.consume(prefetch=2) as deliveries, anyio.create_task_group() as tasks:
            held: list[Delivery] = []

            async def hold() -> None:
                while True:
                    held.append(await anext(deliveries))

            tasks.start_soon(hold)
            await anyio.sleep(QUIET_S)
            for priority in Priority:
                await broker.publish(replace(numbered(1), priority=priority))
            await anyio.sleep(3 * QUIET_S)
            depths = await broker.depths()
            assert len(held) == 2
            assert sum(depth.ready for depth in depths) == len(Priority) - 2

            for _ in Priority:
                with anyio.fail_after(SOON_S):
                    while not held:  # noqa: ASYNC110 - the iterator is in the other task
                        await anyio.sleep(0.01)
                await held.pop().acknowledge()
            tasks.cancel_scope.cancel()

        assert not sum(depth.ready for depth in await broker.depths())

    @pytest.mark.parametrize("priority", Priority)
    @pytest.mark.parametrize("prefetch", [1, 4])
    async def test_a_waiting_consumer_gets_any_priority(
        self, broker: Broker, priority: Priority, prefetch: int
    ) -> None:
        """Also where it has fewer slots than there are queues."""
        async with broker.consume(prefetch=prefetch) as deliveries, anyio.create_task_group() as tasks:

            async def publish_later() -> None:
                await anyio.sleep(QUIET_S)
                await broker.publish(replace(numbered(1), priority=priority))

            tasks.start_soon(publish_later)
            delivery = await take(deliveries)
            await delivery.requeue()
            delivery = await take(deliveries)
            await delivery.acknowledge()

        assert (delivery.message.priority, delivery.message.id) == (priority, "m-1")
        await expect_silence(broker)

    async def test_depths_count_the_family_without_dead_letters(self, broker: Broker) -> None:
        """``unacknowledged`` may be unknown, but it is never wrong."""
        await publish_numbered(broker, 3)
        async with broker.consume(prefetch=1) as deliveries:
            await (await take(deliveries)).dead_letter(Death(code="INVALID_JOB", message="no"))
            held = await take(deliveries)
            depth, *_ = await broker.depths()

            assert depth.healthy
            assert depth.ready == 1
            assert depth.unacknowledged in {1, None}
            await held.acknowledge()

    async def test_an_empty_queue_is_counted_too(self, broker: Broker) -> None:
        """The family has all its queues from the start; their names begin with that of the default one."""
        default, *others = depths = await broker.depths()

        assert {(depth.ready, depth.unacknowledged or 0, depth.consumers) for depth in depths} == {(0, 0, 0)}
        assert {depth.name for depth in others} == {
            f"{default.name}_{kind}" for kind in ("critical", "high", "low", "ranges")
        }
