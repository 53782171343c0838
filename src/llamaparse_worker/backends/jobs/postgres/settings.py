"""The variables of the PostgreSQL job store."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class PostgresSettings(BaseModel):
    """Where the database is and how long to wait for it."""

    model_config = ConfigDict(frozen=True)

    database_url: SecretStr = Field(
        default=SecretStr(""), description="postgresql://user:password@host:port/database of the job store"
    )
    database_pool_size: int = Field(default=8, ge=1, le=200, description="Connections that one worker may open")
    database_timeout_seconds: float = Field(
        default=10, gt=0, le=600, description="Longest wait for a connection or a statement"
    )
