"""Settings of every engine that reads pages in this process."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class OcrPoolSettings(BaseModel):
    """How many pages are read at once, by what, and how long a page may take."""

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
    ocr_isolation: Literal["thread", "process"] = Field(
        default="thread",
        description="Where pages are read: in threads of this process, which share the models, or each in a process of "
        "its own, which may crash or hang and costs the memory of its models",
    )
    ocr_memory_limit_bytes: int | None = Field(
        default=4 << 30,
        ge=1 << 30,
        description="Address space in bytes of a process with `OCR_ISOLATION=process`; a page that needs more fails",
    )
