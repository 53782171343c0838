"""Settings of the engine ``tesseract``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from llamaparse_worker.backends.ocr.settings import OcrPoolSettings


class TessdataSettings(BaseModel):
    """Where the models lie."""

    model_config = ConfigDict(frozen=True)

    tessdata_prefix: Path | None = Field(
        default=None,
        description="The folder of Tesseract's `*.traineddata`, or the one around it. "
        "Unset: that of Debian's packages, `/usr/share/tesseract-ocr/*/tessdata`",
    )


class TesseractSettings(TessdataSettings, OcrPoolSettings):
    """All that ``OCR_ENGINE=tesseract`` reads."""
