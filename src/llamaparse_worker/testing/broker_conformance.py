"""What every broker must do, as tests: subclass a class of this module and give its fixtures."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import RANGE_HEADER, Broker, DeadLetter, Delivery, Message
from llamaparse_worker.model.dead_letter import Death, death_of, without_death
from llamaparse_worker.model.job import OutboxEvent, Priority
from llamaparse_worker.model.queues import RANGES, WEIGHTS

_SOON_S = 15.0
"""Long enough for a busy machine; nothing waits so long when it works."""
_QUIET_S = 0.3


def numbered(number: int) -> Message:
    """Make a message that can be told from others."""
    return Message(f'{{"number": {number}}}'.encode(), f"m-{number}", {"traceparent": f"00-{number:032}-01"})


def a_range(number: int) -> Message:
    """Make a message of a page range."""
    return Message(b"{}", f"r-{number}", {RANGE_HEADER: f"{number}"})


async def take(deliveries: AsyncIterator[Delivery]) -> Delivery:
    """Give the next delivery, which must come soon."""
    with anyio.fail_after(_SOON_S):
        return await anext(deliveries)


async def publish_numbered(broker: Broker, count: int) -> None:
    """Publish ``m-0``, ``m-1`` and so on."""
    for number in range(count):
        await broker.publish(numbered(number))


async def bury_numbered(broker: Broker, count: int) -> None:
    """Publish ``m-0``, ``m-1`` and so on, and make each a dead letter."""
    await publish_numbered(broker, count)
    async with broker.consume(prefetch=1) as deliveries:
        for _ in range(count):
            await (await take(deliveries)).dead_letter(Death(code="TIMEOUT", message="too long"))


async def take_letter(letters: AsyncIterator[DeadLetter]) -> DeadLetter:
    """Give the next dead letter, which must come soon."""
    with anyio.fail_after(_SOON_S):
        return await anext(letters)


class _Interrupted(Exception):
    """Something fails in the middle."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """How another process opens the same queue: the entry point's value, and the settings as JSON values."""

    component: str
    settings: Mapping[str, str | int | float]


@pytest.mark.anyio
class BrokerConformance:
    """The contract of ``Broker``. Each test gets an empty queue from the fixture ``broker``."""

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
                await anyio.sleep(_QUIET_S)
                await broker.publish(numbered(1))

            tasks.start_soon(publish_later)
            delivery = await take(deliveries)
            await delivery.acknowledge()

        assert delivery.message.id == "m-1"

    async def test_messages_come_in_the_order_of_publishing(self, broker: Broker) -> None:
        """First in, first out, for one consumer."""
        await publish_numbered(broker, 20)

        async with broker.consume(prefetch=1) as deliveries:
            found = [await self._acknowledged(deliveries) for _ in range(20)]

        assert found == [f"m-{number}" for number in range(20)]

    async def test_an_acknowledged_message_does_not_come_again(self, broker: Broker) -> None:
        """The queue is empty for the next consumer."""
        await broker.publish(numbered(1))
        async with broker.consume(prefetch=1) as deliveries:
            await self._acknowledged(deliveries)

        await self._expect_silence(broker)

    async def test_a_requeued_message_comes_again(self, broker: Broker) -> None:
        """With the same content."""
        await broker.publish(numbered(1))
        async with broker.consume(prefetch=1) as deliveries:
            first = await take(deliveries)
            await first.requeue()
            second = await take(deliveries)
            await second.acknowledge()

        assert second.message.body == first.message.body

    async def test_a_dead_letter_keeps_its_message_and_the_reason(self, broker: Broker) -> None:
        """It leaves the queue and can be shown, again and again."""
        await publish_numbered(broker, 2)
        async with broker.consume(prefetch=1) as deliveries:
            for _ in range(2):
                delivery = await take(deliveries)
                await delivery.dead_letter(Death(code="INVALID_JOB", message="source: Größe is missing"))

        await self._expect_silence(broker)
        for _ in range(2):
            found = await broker.dead_letters(limit=10)
            assert [letter.id for letter in found] == ["m-0", "m-1"]
        assert found[0].body == numbered(0).body
        assert found[0].headers["x-error-code"] == "INVALID_JOB"
        assert found[0].headers["x-error-message"] == "source: Größe is missing"
        assert found[0].headers["traceparent"] == numbered(0).headers["traceparent"]
        assert [letter.id for letter in await broker.dead_letters(limit=1)] == ["m-0"]

    async def test_a_dead_letter_says_when_where_and_after_how_many_attempts(self, broker: Broker) -> None:
        """In headers that every broker writes alike."""
        told = Death(
            code="TIMEOUT",
            message="zu spät",
            at=datetime(2026, 4, 17, 3, 12, 5, 250_000, tzinfo=UTC),
            attempt=3,
            worker="worker-7",
        )
        await broker.publish(numbered(0))
        async with broker.consume(prefetch=1) as deliveries:
            delivery = await take(deliveries)
            await delivery.dead_letter(told)

        (letter,) = await broker.dead_letters(limit=2)
        assert death_of(letter.headers) == told
        assert without_death(letter.headers) == numbered(0).headers

    async def test_a_message_in_no_hands_becomes_a_dead_letter(self, broker: Broker) -> None:
        """It is one like the others, and no job."""
        told = Death(code="TIMEOUT", message="zu spät", at=datetime(2026, 4, 17, tzinfo=UTC), attempt=3, worker="w-7")
        await bury_numbered(broker, 1)

        await broker.bury(numbered(1), told)

        await self._expect_silence(broker)
        found = await broker.dead_letters(limit=10)
        assert [letter.id for letter in found] == ["m-0", "m-1"]
        assert (found[1].body, death_of(found[1].headers)) == (numbered(1).body, told)
        assert without_death(found[1].headers) == numbered(1).headers

    async def test_dead_letters_are_removed_one_by_one_and_the_others_keep_their_order(self, broker: Broker) -> None:
        """Also those that nobody looked at, and when the context is left by an error."""
        await bury_numbered(broker, 6)
        with pytest.raises(_Interrupted, match="m-0, m-1"):
            await self._look_at_two_and_fail(broker)
        found: list[str] = []

        async with broker.take_dead_letters() as letters:
            async for letter in letters:
                found.append(letter.message.id)
                if letter.message.id in {"m-1", "m-3"}:
                    await letter.remove()
                if letter.message.id == "m-4":
                    break

        assert found == ["m-0", "m-1", "m-2", "m-3", "m-4"]
        for _ in range(2):
            assert [letter.id for letter in await broker.dead_letters(limit=10)] == ["m-0", "m-2", "m-4", "m-5"]

    async def test_letters_that_die_meanwhile_are_left_for_the_next_time(self, broker: Broker) -> None:
        """A retried job that fails at once must not be retried for ever."""
        await bury_numbered(broker, 2)
        seen: list[str] = []

        async with broker.take_dead_letters() as letters:
            async for letter in letters:
                seen.append(letter.message.id)
                await letter.remove()
                await broker.publish(letter.message)
                async with broker.consume(prefetch=1) as deliveries:
                    await (await take(deliveries)).dead_letter(Death(code="TIMEOUT", message="again"))

        assert seen == ["m-0", "m-1"]
        assert [letter.id for letter in await broker.dead_letters(limit=10)] == ["m-0", "m-1"]

    async def test_no_dead_letters_are_gone_through_in_no_time(self, broker: Broker) -> None:
        """The iterator ends at once."""
        async with broker.take_dead_letters() as letters:
            assert [letter async for letter in letters] == []

    async def test_no_more_than_the_prefetch_is_unsettled(self, broker: Broker) -> None:
        """The next message comes when one was settled."""
        await publish_numbered(broker, 3)
        async with broker.consume(prefetch=2) as deliveries:
            held = [await take(deliveries), await take(deliveries)]
            with anyio.move_on_after(_QUIET_S):
                held.append(await anext(deliveries))
            assert len(held) == 2

            await held[0].acknowledge()
            held.append(await take(deliveries))
            for delivery in held[1:]:
                await delivery.acknowledge()

        assert [delivery.message.id for delivery in held] == ["m-0", "m-1", "m-2"]

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
            await anyio.sleep(_QUIET_S)
            for priority in Priority:
                await broker.publish(replace(numbered(1), priority=priority))
            await anyio.sleep(3 * _QUIET_S)
            depths = await broker.depths()
            assert len(held) == 2
            assert sum(depth.ready for depth in depths) == len(Priority) - 2

            for _ in Priority:
                with anyio.fail_after(_SOON_S):
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
                await anyio.sleep(_QUIET_S)
                await broker.publish(replace(numbered(1), priority=priority))

            tasks.start_soon(publish_later)
            delivery = await take(deliveries)
            await delivery.requeue()
            delivery = await take(deliveries)
            await delivery.acknowledge()

        assert (delivery.message.priority, delivery.message.id) == (priority, "m-1")
        await self._expect_silence(broker)

    async def test_dead_letters_of_all_priorities_lie_together(self, broker: Broker) -> None:
        """Nobody has to look in several places."""
        for number, priority in enumerate(sorted(Priority, key=list(WEIGHTS).index)):
            await broker.publish(replace(numbered(number), priority=priority))
        async with broker.consume(prefetch=1) as deliveries:
            for _ in Priority:
                await (await take(deliveries)).dead_letter(Death(code="TIMEOUT", message="too long"))

        found = await broker.dead_letters(limit=10)

        assert [letter.id for letter in found] == [f"m-{number}" for number in range(len(Priority))]
        assert {letter.priority for letter in found} == {Priority.MEDIUM}

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
            assert await self._acknowledged(deliveries) == "m-2"
        await self._expect_silence(broker)

    async def test_messages_that_nobody_took_come_back(self, broker: Broker) -> None:
        """Leaving the context gives back what the client had fetched ahead, in its old order."""
        await publish_numbered(broker, 5)
        async with broker.consume(prefetch=5) as deliveries:
            held = await take(deliveries)
            await anyio.sleep(_QUIET_S)

        async with broker.consume(prefetch=1) as deliveries:
            found = [await self._acknowledged(deliveries) for _ in range(4)]
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
                await anyio.sleep(_QUIET_S)
            with anyio.fail_after(_SOON_S):
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
            with anyio.fail_after(_SOON_S):
                await complete.wait()
            tasks.cancel_scope.cancel()

        assert sorted(found) == sorted(f"m-{number}" for number in range(40))

    async def test_many_messages_pass(self, broker: Broker) -> None:
        """Published at once from several tasks, none is lost or doubled."""
        async with broker.consume(prefetch=8) as deliveries, anyio.create_task_group() as tasks:
            for part in range(4):
                tasks.start_soon(self._publish_part, broker, part)
            found = [await self._acknowledged(deliveries) for _ in range(200)]

        assert sorted(found) == sorted(f"m-{number}" for number in range(200))
        await self._expect_silence(broker)

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

    async def _look_at_two_and_fail(self, broker: Broker) -> None:
        async with broker.take_dead_letters() as letters:
            raise _Interrupted(", ".join([(await take_letter(letters)).message.id for _ in range(2)]))

    async def _acknowledged(self, deliveries: AsyncIterator[Delivery]) -> str:
        delivery = await take(deliveries)
        await delivery.acknowledge()
        return delivery.message.id

    async def _expect_silence(self, broker: Broker) -> None:
        async with broker.consume(prefetch=1) as deliveries:
            with anyio.move_on_after(_QUIET_S):
                delivery = await anext(deliveries)
                pytest.fail(f"{delivery.message.id} came again")


@pytest.mark.anyio
class DurableBrokerConformance(BrokerConformance):
    """What a broker adds whose messages outlive its clients.

    ``reopen`` opens the queue of the fixture ``broker`` once more, as another client; ``address`` says how another
    process does it.
    """

    async def test_messages_and_dead_letters_outlive_the_client(
        self, broker: Broker, reopen: Callable[[], AbstractAsyncContextManager[Broker]]
    ) -> None:
        """What one client published and buried, another one finds."""
        async with reopen() as other:
            await publish_numbered(other, 2)
            async with other.consume(prefetch=1) as deliveries:
                await (await take(deliveries)).dead_letter(Death(code="TIMEOUT", message="too long"))

        assert [letter.id for letter in await broker.dead_letters(limit=5)] == ["m-0"]
        async with broker.consume(prefetch=1) as deliveries:
            assert await self._acknowledged(deliveries) == "m-1"

    async def test_unsettled_messages_come_back_when_the_client_closes(
        self, broker: Broker, reopen: Callable[[], AbstractAsyncContextManager[Broker]]
    ) -> None:
        """And the closed client can settle no more."""
        await broker.publish(numbered(1))
        async with reopen() as other, other.consume(prefetch=1) as deliveries:
            held = await take(deliveries)

        with pytest.raises(BackendUnavailable):
            await held.acknowledge()
        async with broker.consume(prefetch=1) as deliveries:
            assert await self._acknowledged(deliveries) == "m-1"

    async def test_a_message_comes_again_after_its_holder_was_killed(
        self, broker: Broker, address: BrokerAddress
    ) -> None:
        """A real process, and a real SIGKILL."""
        await publish_numbered(broker, 2)
        given = json.dumps({"component": address.component, "settings": dict(address.settings)})
        async with await anyio.open_process(
            [sys.executable, "-m", "llamaparse_worker.testing.broker_holder"], stderr=None
        ) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            await holder.stdin.send(given.encode())
            await holder.stdin.aclose()
            output = BufferedByteReceiveStream(holder.stdout)
            taken = None
            with anyio.fail_after(2 * _SOON_S):
                while taken is None:
                    said = (await output.receive_until(b"\n", 10_000)).decode()
                    taken = said.removeprefix("holding ") if said.startswith("holding ") else None
            async with broker.consume(prefetch=2) as deliveries:
                assert await self._acknowledged(deliveries) == "m-1"
            holder.kill()

        async with broker.consume(prefetch=2) as deliveries:
            found = await take(deliveries)
            await found.acknowledge()

        assert found.message.id == taken == "m-0"
