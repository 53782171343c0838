"""What RabbitMQ adds to the contract: its queues, its refusals, and its outages."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence

import aio_pika
import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr
from yarl import URL

from llamaparse_worker.backends.broker.rabbitmq.broker import open_rabbitmq
from llamaparse_worker.backends.broker.rabbitmq.settings import Declare, RabbitMqSettings
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError
from llamaparse_worker.interfaces import Broker, Delivery, QueueDepth
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import OutboxEvent
from llamaparse_worker.testing.broker_samples import numbered, publish_numbered, take
from support.proxy import running_proxy
from support.services import RabbitMq, free_ports

pytestmark = pytest.mark.anyio


class _Latin(str):
    """Text that its producer does not encode as UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:
        del encoding
        return super().encode("latin-1", errors)


@pytest.fixture
def settings(rabbitmq: RabbitMq) -> RabbitMqSettings:
    return RabbitMqSettings(
        job_queue_endpoint=rabbitmq.amqp_url,
        job_queue_username=rabbitmq.username,
        job_queue_password=SecretStr(rabbitmq.password),
        job_queue_name=f"jobs-{uuid.uuid4().hex}",
    )


@pytest.fixture
async def broker(settings: RabbitMqSettings) -> AsyncIterator[Broker]:
    async with open_rabbitmq(settings) as broker:
        yield broker


@pytest.fixture
async def client(settings: RabbitMqSettings) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """Another client of the same node."""
    async with await aio_pika.connect(settings.job_queue_endpoint) as connection, connection.channel() as channel:
        yield channel


async def test_a_producer_of_another_kind_is_understood(
    broker: Broker, settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    headers: aio_pika.abc.HeadersType = {"bad": _Latin("ÿ"), "number": 7, "nothing": None, "nested": {"a": [1]}}
    await client.default_exchange.publish(aio_pika.Message(b"{}", headers=headers), settings.job_queue_name)

    async with broker.consume(prefetch=1) as deliveries:
        delivery = await take(deliveries)
        await delivery.dead_letter(Death(code="INVALID_JOB", message="x" * 500_000))

    assert dict(delivery.message.headers) == {
        "bad": "\ufffd",
        "number": "7",
        "nothing": "",
        "nested": "{'a': [1]}",
    }
    (letter,) = await broker.dead_letters(limit=5)
    assert letter.headers["x-error-code"] == "INVALID_JOB"


async def test_publishing_is_refused_when_the_queue_is_missing(
    broker: Broker, settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    await client.queue_delete(settings.job_queue_name)

    with pytest.raises(BackendUnavailable, match=settings.job_queue_name):
        await broker.publish(numbered(1))
    with pytest.raises(BackendUnavailable, match=settings.job_queue_name):
        await broker.ping()


async def test_a_consumer_whose_queue_was_deleted_declares_it_again(
    broker: Broker, settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    await broker.publish(numbered(1))
    async with broker.consume(prefetch=1) as deliveries:
        await (await take(deliveries)).acknowledge()
        await client.queue_delete(settings.job_queue_name)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_publish_when_possible, broker, 2)
            delivery = await take(deliveries)
        await delivery.acknowledge()

    assert delivery.message.id == "m-2"


async def test_a_job_stays_in_the_queue_when_the_dead_letter_queue_is_missing(
    broker: Broker, settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    await broker.publish(numbered(1))
    async with broker.consume(prefetch=1) as deliveries:
        delivery = await take(deliveries)
        await client.queue_delete(settings.dead_letter_queue)
        with pytest.raises(BackendUnavailable):
            await delivery.dead_letter(Death(code="TIMEOUT", message="too long"))
        again = await take(deliveries)
        await again.acknowledge()

    assert again.message.id == "m-1"


async def test_a_queue_with_other_arguments_is_refused_by_name_but_may_be_used_as_it_is(
    settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    await client.declare_queue(settings.job_queue_name, durable=True)

    with pytest.raises(ConfigurationError, match="JOB_QUEUE_DECLARE=passive") as refused:
        await _open_and_close(settings)
    assert settings.job_queue_name in refused.value.message

    passive = settings.model_copy(update={"job_queue_declare": Declare.PASSIVE, "job_event_exchange": "none"})
    async with open_rabbitmq(passive) as broker:
        await broker.announce(OutboxEvent("e-1", "job.completed", b"{}"))
        await broker.publish(numbered(1))
        depth, *_ = await broker.depths()
    assert depth.ready == 1


async def test_a_missing_queue_is_named_when_it_is_not_to_be_declared(settings: RabbitMqSettings) -> None:
    passive = settings.model_copy(update={"job_queue_declare": Declare.PASSIVE})

    with pytest.raises(ConfigurationError, match="does not exist") as refused:
        await _open_and_close(passive)

    assert settings.job_queue_name in refused.value.message


async def test_a_wrong_password_is_a_configuration_error_that_does_not_show_it(settings: RabbitMqSettings) -> None:
    wrong = settings.model_copy(update={"job_queue_password": SecretStr("hunter2")})

    with pytest.raises(ConfigurationError, match="JOB_QUEUE_PASSWORD") as refused:
        await _open_and_close(wrong)

    assert "hunter2" not in refused.value.message


async def test_an_unreachable_broker_is_named_without_its_credentials() -> None:
    (port,) = free_ports(1)
    settings = RabbitMqSettings(
        job_queue_connection_string=SecretStr(f"amqp://someone:hunter2@127.0.0.1:{port}/jobs"),
    )

    with pytest.raises(BackendUnavailable, match=f"amqp://127.0.0.1:{port}") as refused:
        await _open_and_close(settings)

    assert "hunter2" not in refused.value.message


async def test_a_connection_string_wins_over_its_parts(rabbitmq: RabbitMq, settings: RabbitMqSettings) -> None:
    address = rabbitmq.amqp_url.replace("amqp://", f"amqp://{rabbitmq.username}:{rabbitmq.password}@")
    whole = settings.model_copy(
        update={"job_queue_connection_string": SecretStr(f"{address}/%2F"), "job_queue_endpoint": "amqp://nowhere"}
    )

    async with open_rabbitmq(whole) as broker:
        assert await broker.ping() == "RabbitMQ 3.10.8"


async def test_the_management_api_counts_the_family_with_what_is_unacknowledged(
    rabbitmq: RabbitMq, settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    managed = settings.model_copy(update={"job_queue_management_url": rabbitmq.management_url})
    sibling = f"{settings.job_queue_name}_zebra"
    await client.declare_queue(sibling, durable=True)
    async with open_rabbitmq(managed) as broker, broker.consume(prefetch=1) as deliveries:
        await publish_numbered(broker, 3)
        held = await take(deliveries)

        found = await _depths_until(broker, lambda depth: (depth.ready, depth.unacknowledged) == (2, 1))

        kinds = ["", "_critical", "_high", "_low", "_ranges", "_zebra"]
        assert [depth.name for depth in found] == [f"{settings.job_queue_name}{kind}" for kind in kinds]
        assert all(depth.healthy for depth in found)
        await held.acknowledge()


async def test_the_management_api_away_gives_no_number(settings: RabbitMqSettings) -> None:
    (port,) = free_ports(1)
    managed = settings.model_copy(update={"job_queue_management_url": f"http://127.0.0.1:{port}"})

    async with open_rabbitmq(managed) as broker:
        with pytest.raises(BackendUnavailable, match="management API"):
            await broker.depths()


async def test_events_reach_those_who_listen(
    broker: Broker, settings: RabbitMqSettings, client: aio_pika.abc.AbstractChannel
) -> None:
    queue = await client.declare_queue(exclusive=True)
    await queue.bind(settings.event_exchange, routing_key="job.*")

    await broker.announce(OutboxEvent("e-1", "job.completed", b'{"a": 1}'))

    received = await queue.get(no_ack=True)
    assert received is not None
    assert (received.body, received.message_id, received.routing_key) == (b'{"a": 1}', "e-1", "job.completed")


async def test_every_message_survives_cut_connections_under_load(settings: RabbitMqSettings) -> None:
    port = URL(settings.job_queue_endpoint).port
    assert port is not None
    async with running_proxy(port) as (proxy, proxy_port):
        through = settings.model_copy(update={"job_queue_endpoint": f"amqp://127.0.0.1:{proxy_port}"})
        found: set[str] = set()
        async with open_rabbitmq(through) as broker, broker.consume(prefetch=4) as deliveries:
            await publish_numbered(broker, 100)
            with anyio.fail_after(20):
                for cut in range(10):
                    while len(found) < 10 * (cut + 1):
                        await _acknowledge_one(deliveries, found)
                    assert proxy.cut() >= 1
            await _publish_when_possible(broker, 100)
            with anyio.fail_after(20):
                while "m-100" not in found:
                    await _acknowledge_one(deliveries, found)

    assert found == {f"m-{number}" for number in range(101)}


@pytest.mark.parametrize("crash", [False, True], ids=["orderly", "crash"])
async def test_a_consumer_goes_on_after_a_restart_of_the_broker(
    broker: Broker, rabbitmq: RabbitMq, *, crash: bool
) -> None:
    if crash:
        await anyio.sleep(
            3.5
        )  # a single node killed sooner loses the metadata of a new quorum queue, and with it the queue
    await publish_numbered(broker, 2)
    async with broker.consume(prefetch=1) as deliveries:
        held = await take(deliveries)
        await anyio.to_thread.run_sync(lambda: rabbitmq.stop(crash=crash))
        await anyio.sleep(1)  # for both connections to end: nothing answers an acknowledgement
        try:
            with pytest.raises(BackendUnavailable):
                await broker.publish(numbered(2))
            with pytest.raises(BackendUnavailable):
                await held.acknowledge()
            with pytest.raises(BackendUnavailable):
                await broker.ping()
        finally:
            await anyio.to_thread.run_sync(rabbitmq.start)
        found = set()
        for _ in range(2):
            delivery = await take(deliveries)
            found.add(delivery.message.id)
            await delivery.acknowledge()
        await broker.publish(numbered(2))
        await (await take(deliveries)).acknowledge()

    assert found == {"m-0", "m-1"}


async def _open_and_close(settings: RabbitMqSettings) -> None:
    async with open_rabbitmq(settings):
        pass


async def _publish_when_possible(broker: Broker, number: int) -> None:
    with anyio.fail_after(15):
        while True:
            try:
                await broker.publish(numbered(number))
            except BackendUnavailable:
                await anyio.sleep(0.1)
            else:
                return


async def _acknowledge_one(deliveries: AsyncIterator[Delivery], found: set[str]) -> None:
    delivery = await anext(deliveries)
    try:
        await delivery.acknowledge()
    except BackendUnavailable:
        return
    found.add(delivery.message.id)


async def _depths_until(broker: Broker, wanted: Callable[[QueueDepth], bool]) -> Sequence[QueueDepth]:
    """Ask until the figures of the job queue are up to date; the management API lags behind by its interval."""
    with anyio.fail_after(20):
        while True:
            try:
                found = await broker.depths()
            except BackendUnavailable:
                found = []
            if found and wanted(found[0]):
                return found
            await anyio.sleep(0.2)
