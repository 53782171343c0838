"""Settings of the engine ``openvino``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from llamaparse_worker.backends.ocr.tesseract.settings import TesseractSettings


class DeviceSettings(BaseModel):
    """What OpenVINO computes on."""

    model_config = ConfigDict(frozen=True)

    openvino_device: str = Field(
        default="CPU",
        pattern=r"^[A-Z][A-Za-z0-9.:,_]*$",
        description="The device that OpenVINO computes on: `CPU`, `GPU` (of Intel) or another that it knows",
    )


class OpenVinoSettings(DeviceSettings, TesseractSettings):
    """All that ``OCR_ENGINE=openvino`` reads; Tesseract reads what PP-OCR cannot, where its models are installed."""
