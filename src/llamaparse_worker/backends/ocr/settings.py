"""Settings of every engine that reads pages in this process."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class OcrPoolSettings(BaseModel):
    """How many threads read pages, and how long a page may take."""

    model_config = ConfigDict(frozen=True)

    ocr_worker: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="OCR workers, for two cores and two pages at once each. Unset: half of the cores",
    )
    ocr_page_timeout_seconds: float = Field(
        default=60, gt=0, le=3600, description="Time limit of OCR of one page, which fails then; the others go on"
    )
