"""Messages and short ways through a broker, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from llamaparse_worker.interfaces import RANGE_HEADER, Broker, DeadLetter, Delivery, Message
from llamaparse_worker.model.dead_letter import Death

SOON_S = 15.0
"""Long enough for a busy machine; nothing waits so long when it works."""
QUIET_S = 0.3


def numbered(number: int) -> Message:
    """Make a message that can be told from others."""
    return Message(f'{{"number": {number}}}'.encode(), f"m-{number}", {"traceparent": f"00-{number:032}-01"})


def a_range(number: int) -> Message:
    """Make a message of a page range."""
    return Message(b"{}", f"r-{number}", {RANGE_HEADER: f"{number}"})


async def take(deliveries: AsyncIterator[Delivery]) -> Delivery:
    """Give the next delivery, which must come soon."""
    with anyio.fail_after(SOON_S):
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
    with anyio.fail_after(SOON_S):
        return await anext(letters)


async def acknowledged(deliveries: AsyncIterator[Delivery]) -> str:
    """Acknowledge the next delivery; gives the id of its message."""
    delivery = await take(deliveries)
    await delivery.acknowledge()
    return delivery.message.id


async def expect_silence(broker: Broker) -> None:
    """Fail if a message comes."""
    async with broker.consume(prefetch=1) as deliveries:
        with anyio.move_on_after(QUIET_S):
            delivery = await anext(deliveries)
            pytest.fail(f"{delivery.message.id} came again")
