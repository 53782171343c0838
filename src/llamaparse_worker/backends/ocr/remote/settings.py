"""Settings of the remote OCR engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_Address = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$", examples=["http://ocr:8080/ocr"])]


class RemoteOcrSettings(BaseModel):
    """Where the OCR services answer, and how long a page may take there."""

    model_config = ConfigDict(frozen=True)

    ocr_server_url: tuple[_Address, ...] = Field(
        default=(),
        description="The OCR services with their path, such as `http://ocr:8080/ocr`; of several, separated by commas, "
        "the one with the fewest pages gets the next",
    )
    ocr_server_token: SecretStr | None = Field(
        default=None, description="The bearer token that the OCR services ask for, their API_TOKEN"
    )
    ocr_server_timeout_seconds: float = Field(
        default=90,
        gt=0,
        le=3600,
        description="Time limit of one page at one OCR service, its wait there included; longer than a service allows "
        "itself for a page. Three times as long a page is tried here and there",
    )
