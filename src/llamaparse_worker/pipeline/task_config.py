"""What a parser process must know of the settings. Apart from the tasks, which import all that parsing needs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TaskConfig(BaseModel):
    """What a parser process must know of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    readers: tuple[str, ...] = Field(description="Readers in the order in which they are asked, as module:attribute")
    writers: tuple[str, ...] = Field(default=(), description="Writers of the result files, as module:attribute")
    max_pages: int = Field(default=100_000, ge=1, description="A document with more is refused, whatever is selected")
    max_pixels: int = Field(default=50_000_000, ge=1)
    ocr_dpi: float = Field(default=200, ge=50, le=600)
    max_images_per_page: int = Field(default=30, ge=0, description="The most images of a kind that are saved of a page")
    screenshot_dpi: float = Field(default=150, ge=36, le=600)
