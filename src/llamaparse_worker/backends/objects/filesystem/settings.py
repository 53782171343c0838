"""Settings of the file system store."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class FilesystemSettings(BaseModel):
    """Where results and uploaded documents lie as files."""

    model_config = ConfigDict(frozen=True)

    objects_dir: Path = Field(
        default=Path("llamaparse-worker-data/objects"),
        description="Folder of the file system store; created when missing. Several workers may share it",
    )
    objects_fsync: bool = Field(
        default=False,
        description="Flush every stored file to the disk before the job counts as done. Off, a power failure within "
        "seconds of the end of a job can lose its result files; the end of the process alone cannot",
    )
