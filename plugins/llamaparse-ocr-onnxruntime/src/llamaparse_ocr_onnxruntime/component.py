"""The component ``onnxruntime``: PP-OCR, and Tesseract for what that cannot read, where its models are installed."""

from __future__ import annotations

from contextlib import AbstractContextManager

from llamaparse_ocr_onnxruntime.device import device_of, size_of
from llamaparse_ocr_onnxruntime.settings import OnnxRuntimeSettings
from llamaparse_worker.backends.ocr.engine import Engine
from llamaparse_worker.backends.ocr.local import Engines, LocalEngine, component_of
from llamaparse_worker.backends.ocr.pool import PoolSize
from llamaparse_worker.backends.ocr.with_tesseract import with_tesseract

NAME = "onnxruntime"


def prepare(settings: OnnxRuntimeSettings, size: PoolSize) -> Engines:
    """Make the engine; its models are loaded by the first thread that reads a page.

    Raises:
        ConfigurationError: TESSDATA_PREFIX names a folder without models.
    """
    from llamaparse_ocr_onnxruntime.networks import Networks, Requests  # noqa: PLC0415 - numpy comes with the pages

    device = device_of(settings)
    networks = Networks(device, size.threads, settings.onnxruntime_batch_lines if device.gpu is not None else 1)

    def opened() -> AbstractContextManager[Engine]:
        from llamaparse_worker.backends.ocr.ppocr.engine import opened_engine  # noqa: PLC0415

        return opened_engine(NAME, Requests(networks))

    return with_tesseract(opened, settings, size)


ENGINE = LocalEngine(NAME, f"{__name__}:ENGINE", OnnxRuntimeSettings, prepare, size_of)
component = component_of(ENGINE)
