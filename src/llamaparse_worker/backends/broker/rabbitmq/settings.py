"""Settings of the RabbitMQ connection and its queues."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from llamaparse_worker.model.queues import Queue, queue_name

NO_EVENTS = "none"
"""The value of JOB_EVENT_EXCHANGE that switches events off; an empty one is an unset one."""


class Declare(StrEnum):
    """Who makes the queues."""

    DECLARE = "declare"
    """The worker declares them, with its own arguments."""
    PASSIVE = "passive"
    """The operator made them; the worker only checks that they exist."""


class RabbitMqSettings(BaseModel):
    """How RabbitMQ is reached, and how its queues are made."""

    model_config = ConfigDict(frozen=True)

    job_queue_endpoint: str = Field(
        default="amqp://127.0.0.1:5672",
        pattern=r"^amqps?://[^@\s]+$",
        description="Address of RabbitMQ, amqp://host:port/vhost or amqps://, without credentials",
    )
    job_queue_username: str = Field(default="guest", description="User name for RabbitMQ")
    job_queue_password: SecretStr = Field(default=SecretStr("guest"), description="Password for RabbitMQ")
    job_queue_connection_string: SecretStr | None = Field(
        default=None,
        description="Whole address with credentials, amqp://user:password@host:port/vhost; wins over the three above",
    )
    job_queue_name: str = Field(
        default="parse_raw_file_job",
        pattern=r"^[A-Za-z0-9_.:-]+$",
        max_length=200,
        description="Name of the job queue; also the prefix of its family. Dead letters go to dead_letters.<name>",
    )
    job_queue_declare: Declare = Field(
        default=Declare.DECLARE,
        description="declare: the worker creates queues and exchange; passive: they exist already and are only checked",
    )
    job_queue_delivery_limit: int = Field(
        default=50,
        ge=1,
        le=1_000_000,
        description="Deliveries after which RabbitMQ itself dead-letters a message; a backstop to JOB_MAX_ATTEMPTS",
    )
    job_queue_dead_letter_max_length: int = Field(
        default=100_000,
        ge=1,
        le=100_000_000,
        description="Dead letters that are kept; beyond it the oldest are dropped",
    )
    job_queue_management_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Address of the management API, http://host:15672; with it unacknowledged messages are counted too",
    )
    job_queue_heartbeat_seconds: int = Field(
        default=30,
        ge=2,
        le=600,
        description="Heartbeat of the connection; it counts as dead after a bit more than three of them",
    )
    job_queue_connect_timeout_seconds: float = Field(
        default=10, ge=1, le=300, description="Time limit of one attempt to connect and to declare the queues"
    )
    job_event_exchange: str | None = Field(
        default=None,
        max_length=200,
        description="Topic exchange that announces finished jobs; default events.<JOB_QUEUE_NAME>; `none`: no events",
    )

    def queue_of(self, queue: Queue) -> str:
        """Name of a queue of the family."""
        return queue_name(self.job_queue_name, queue)

    @property
    def dead_letter_queue(self) -> str:
        """Name of the dead-letter queue; never under the family's prefix, so that it counts in no queue depth."""
        return f"dead_letters.{self.job_queue_name}"

    @property
    def event_exchange(self) -> str:
        """Name of the exchange for events; empty for none."""
        if self.job_event_exchange == NO_EVENTS:
            return ""
        return self.job_event_exchange or f"events.{self.job_queue_name}"
