"""Settings of the embedded queue."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class EmbeddedQueueSettings(BaseModel):
    """Where the queue lies, and how long a message stays with a worker that shows no sign of life."""

    model_config = ConfigDict(frozen=True)

    sqlite_path: Path = Field(
        default=Path("./llamaparse-worker-data/worker.sqlite3"),
        description="SQLite file of the embedded queue and the SQLite job store; on a local disk, not a network share",
    )
    job_queue_name: str = Field(
        default="parse_raw_file_job",
        pattern=r"^[A-Za-z0-9_.:-]+$",
        max_length=200,
        description="Name of the job queue; also the prefix of its family",
    )
    embedded_queue_lease_seconds: float = Field(
        default=10,
        ge=0.5,
        le=3600,
        description="Seconds after which the messages of a killed worker are delivered again",
    )
