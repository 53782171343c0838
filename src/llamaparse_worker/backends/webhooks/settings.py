"""Settings of the calls of webhooks that messages name. By default only public addresses are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class WebhookSettings(BaseModel):
    """Who may be called, how long that may take, and how often it is tried."""

    model_config = ConfigDict(frozen=True)

    webhook_hosts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(),
        description="Comma-separated hosts (host or host:port) that webhooks may name although they are not public; "
        "every public host is allowed on port 443",
    )
    webhook_ca_file: Path | None = Field(
        default=None, description="PEM file of authorities to trust for webhooks beside those of the system"
    )
    webhook_timeout_seconds: float = Field(
        default=30, gt=0, le=300, description="Time limit of one call of a webhook, from its connection to its answer"
    )
    webhook_retry_seconds: float = Field(
        default=86_400,
        ge=0,
        le=2_592_000,
        description="How long after its event a webhook is tried again, with pauses of 5 seconds to an hour; then the "
        "call is given up",
    )
    webhook_concurrency: int = Field(
        default=16, ge=1, le=1000, description="Calls of webhooks at once; of one host a quarter of them at most"
    )
