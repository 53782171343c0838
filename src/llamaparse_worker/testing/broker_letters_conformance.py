"""Dead letters: a part of the broker's contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from llamaparse_worker.interfaces import Broker
from llamaparse_worker.model.dead_letter import Death, death_of, without_death
from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import WEIGHTS
from llamaparse_worker.testing.broker_samples import (
    bury_numbered,
    expect_silence,
    numbered,
    publish_numbered,
    take,
    take_letter,
)


class _Interrupted(Exception):
    """Something fails in the middle."""


@pytest.mark.anyio
class LettersConformance:
    """What becomes of a message that is given up, and who sees it."""

    async def test_a_dead_letter_keeps_its_message_and_the_reason(self, broker: Broker) -> None:
        """It leaves the queue and can be shown, again and again."""
        await publish_numbered(broker, 2)
        async with broker.consume(prefetch=1) as deliveries:
            for _ in range(2):
                delivery = await take(deliveries)
                await delivery.dead_letter(Death(code="INVALID_JOB", message="source: Größe is missing"))

        await expect_silence(broker)
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

        await expect_silence(broker)
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

    async def _look_at_two_and_fail(self, broker: Broker) -> None:
        async with broker.take_dead_letters() as letters:
            raise _Interrupted(", ".join([(await take_letter(letters)).message.id for _ in range(2)]))
