"""The variables of the SQLite job store."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class SqliteSettings(BaseModel):
    """Where the file lies and how long to wait for its lock."""

    model_config = ConfigDict(frozen=True)

    sqlite_path: Path = Field(
        default=Path("./llamaparse-worker-data/worker.sqlite3"),
        description="SQLite file of the embedded queue and the SQLite job store; on a local disk, not a network share",
    )
    sqlite_timeout_seconds: float = Field(
        default=5, gt=0, le=600, description="Longest wait for another process that writes to the file"
    )
