"""What all faults are done to."""

from __future__ import annotations

import pytest

from faults.deployment import Servers
from support.services import Postgres, RabbitMq, S3Server


@pytest.fixture(scope="session")
def servers(rabbitmq: RabbitMq, postgres: Postgres, s3: S3Server) -> Servers:
    """The three servers; a test that stops one starts it again."""
    return Servers(rabbitmq, postgres, s3)
