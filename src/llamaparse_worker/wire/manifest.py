"""``manifest.json``: how a result came about."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from llamaparse_worker.model.options import (
    ModeName,
)
from llamaparse_worker.wire.strict import Strict


class ManifestPage(Strict):
    """How one page was read."""

    number: int
    status: str
    engine: str
    reason: str | None = None
    characters: int = 0
    confidence: float | None = None
    images_left_out: int | None = None
    """How many embedded images were not saved, as ``MAX_EXTRACTED_IMAGES_PER_PAGES`` were."""
    error_code: str | None = None
    error_message: str | None = None


class Manifest(Strict):
    """``manifest.json``: how a result came about. The result files themselves hold no times."""

    version: Literal["1"] = "1"
    job_id: str | None
    attempt: int
    file_name: str
    input_sha256: str
    input_size_bytes: int
    reader: str | None
    page_count: int
    mode: ModeName
    options: dict[str, object]
    ignored_options: tuple[str, ...]
    status: str
    flags: tuple[str, ...] = ()
    job_is_cache_hit: bool = False
    """Whether no model was asked, as earlier jobs had asked about the same pages."""
    error_code: str | None = None
    error_message: str | None = None
    pages: tuple[ManifestPage, ...]
    files: tuple[str, ...]
    worker_version: str
    library_versions: dict[str, str]
    host: str
    started_at: datetime
    durations_s: dict[str, float]
