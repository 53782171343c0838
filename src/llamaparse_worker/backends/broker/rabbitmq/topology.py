"""The queues and the exchange of the worker, made or only checked."""

from __future__ import annotations

from collections.abc import Mapping

from aio_pika import ExchangeType
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPChannelError, ChannelNotFoundEntity, ChannelPreconditionFailed

from llamaparse_worker.backends.broker.rabbitmq.settings import Declare, RabbitMqSettings
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import WEIGHTS, Queue

_DEAD_LETTER_DELIVERY_LIMIT = 1_000_000
"""Looking at dead letters delivers them; a broker's own small default would drop them after a number of looks."""


class _MissingQueue(ConfigurationError):
    """What is only checked does not exist."""


async def ensure_topology(connection: AbstractConnection, settings: RabbitMqSettings) -> frozenset[Queue]:
    """Declare dead-letter queue, job queues and event exchange, or check that they exist; gives which queues there are.

    An operator's own topology need not have other job queues than the default one.

    Raises:
        ConfigurationError: one is missing, has other arguments, or may not be declared.
    """
    await _ensure_queue(connection, settings, settings.dead_letter_queue, _dead_letter_arguments(settings))
    found: set[Queue] = {Priority.MEDIUM}
    await _ensure_queue(connection, settings, settings.job_queue_name, _job_queue_arguments(settings))
    for queue in WEIGHTS.keys() - found:
        try:
            await _ensure_queue(connection, settings, settings.queue_of(queue), _job_queue_arguments(settings))
        except _MissingQueue:
            continue
        found.add(queue)
    if settings.event_exchange:
        await _ensure_exchange(connection, settings)
    return frozenset(found)


def _job_queue_arguments(settings: RabbitMqSettings) -> dict[str, str | int]:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": settings.job_queue_delivery_limit,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": settings.dead_letter_queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # the strategy is refused without it
    }


def _dead_letter_arguments(settings: RabbitMqSettings) -> dict[str, str | int]:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DEAD_LETTER_DELIVERY_LIMIT,
        "x-max-length": settings.job_queue_dead_letter_max_length,
        "x-overflow": "drop-head",
    }


async def _ensure_queue(
    connection: AbstractConnection, settings: RabbitMqSettings, name: str, arguments: Mapping[str, str | int]
) -> None:
    passive = settings.job_queue_declare is Declare.PASSIVE
    async with connection.channel(publisher_confirms=False) as channel:  # a refused declaration closes its channel
        try:
            await channel.declare_queue(
                name, durable=True, passive=passive, arguments=None if passive else dict(arguments)
            )
        except AMQPChannelError as error:
            raise _refusal(f"queue {name}", error) from error


async def _ensure_exchange(connection: AbstractConnection, settings: RabbitMqSettings) -> None:
    name = settings.event_exchange
    async with connection.channel(publisher_confirms=False) as channel:
        try:
            await channel.declare_exchange(
                name, ExchangeType.TOPIC, durable=True, passive=settings.job_queue_declare is Declare.PASSIVE
            )
        except AMQPChannelError as error:
            raise _refusal(f"exchange {name} (JOB_EVENT_EXCHANGE)", error) from error


def _refusal(what: str, error: AMQPChannelError) -> ConfigurationError:
    match error:
        case ChannelNotFoundEntity():
            return _MissingQueue(f"{what} does not exist: create it, or set JOB_QUEUE_DECLARE=declare")
        case ChannelPreconditionFailed():
            return ConfigurationError(
                f"{what} exists with other arguments: delete it, or set JOB_QUEUE_DECLARE=passive to use it as it is"
                f" ({error})"
            )
        case _:
            return ConfigurationError(
                f"{what} cannot be declared: grant the user the right, or set JOB_QUEUE_DECLARE=passive ({error})"
            )
