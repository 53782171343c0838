"""The RabbitMQ broker keeps the contract of a durable broker, on a real node."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
from pydantic import SecretStr

from llamaparse_worker.backends.broker.rabbitmq.broker import open_rabbitmq
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.interfaces import Broker
from llamaparse_worker.testing.broker_conformance import BrokerAddress, DurableBrokerConformance
from support.services import RabbitMq


class TestRabbitMqBroker(DurableBrokerConformance):
    @pytest.fixture
    def settings(self, rabbitmq: RabbitMq) -> RabbitMqSettings:
        return RabbitMqSettings(
            job_queue_endpoint=rabbitmq.amqp_url,
            job_queue_username=rabbitmq.username,
            job_queue_password=SecretStr(rabbitmq.password),
            job_queue_name=f"jobs-{uuid.uuid4().hex}",
        )

    @pytest.fixture
    async def broker(self, settings: RabbitMqSettings) -> AsyncIterator[Broker]:
        async with open_rabbitmq(settings) as broker:
            yield broker

    @pytest.fixture
    def reopen(self, settings: RabbitMqSettings) -> Callable[[], AbstractAsyncContextManager[Broker]]:
        return partial(open_rabbitmq, settings)

    @pytest.fixture
    def address(self, settings: RabbitMqSettings) -> BrokerAddress:
        return BrokerAddress(
            "llamaparse_worker.backends.broker.rabbitmq.broker:component",
            {"job_queue_endpoint": settings.job_queue_endpoint, "job_queue_name": settings.job_queue_name},
        )
