"""Settings of the engine ``onnxruntime``."""

from __future__ import annotations

from pydantic import Field

from llamaparse_worker.backends.ocr.tesseract.settings import TesseractSettings


class OnnxRuntimeSettings(TesseractSettings):
    """All that ``OCR_ENGINE=onnxruntime`` reads; Tesseract reads what PP-OCR cannot, where its models are installed."""

    onnxruntime_device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$",
        description="What computes: `cpu`, `cuda`, or `cuda:1` for the second GPU. `auto`: the first GPU where "
        "there is one and onnxruntime-gpu is installed, else the CPU",
    )
    onnxruntime_batch_lines: int = Field(
        default=32, ge=1, le=1024, description="Lines of all pages that a GPU reads at once; it bounds its memory"
    )
    ocr_memory_limit_bytes: int | None = Field(
        default=None,
        ge=1 << 30,
        description="As for the other engines, but unset: CUDA reserves far more address space than memory",
    )
