"""What every broker must do, as tests: subclass a class of this module and give its fixtures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import Broker
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.testing.broker_delivery_conformance import DeliveryConformance
from llamaparse_worker.testing.broker_letters_conformance import LettersConformance
from llamaparse_worker.testing.broker_queues_conformance import QueuesConformance
from llamaparse_worker.testing.broker_samples import (
    SOON_S,
    acknowledged,
    numbered,
    publish_numbered,
    take,
)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """How another process opens the same queue: the entry point's value, and the settings as JSON values."""

    component: str
    settings: Mapping[str, str | int | float]


class BrokerConformance(DeliveryConformance, LettersConformance, QueuesConformance):
    """The contract of ``Broker``. Each test gets an empty queue from the fixture ``broker``."""


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
            assert await acknowledged(deliveries) == "m-1"

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
            assert await acknowledged(deliveries) == "m-1"

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
            with anyio.fail_after(2 * SOON_S):
                while taken is None:
                    said = (await output.receive_until(b"\n", 10_000)).decode()
                    taken = said.removeprefix("holding ") if said.startswith("holding ") else None
            async with broker.consume(prefetch=2) as deliveries:
                assert await acknowledged(deliveries) == "m-1"
            holder.kill()

        async with broker.consume(prefetch=2) as deliveries:
            found = await take(deliveries)
            await found.acknowledge()

        assert found.message.id == taken == "m-0"
