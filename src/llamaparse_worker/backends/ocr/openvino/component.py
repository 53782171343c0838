"""The component ``openvino``: PP-OCR, and Tesseract for what that cannot read, where its models are installed."""

from __future__ import annotations

from contextlib import AbstractContextManager

from llamaparse_worker.backends.ocr.engine import Engine
from llamaparse_worker.backends.ocr.local import Engines, LocalEngine, component_of
from llamaparse_worker.backends.ocr.openvino import NAME
from llamaparse_worker.backends.ocr.openvino.networks import Networks
from llamaparse_worker.backends.ocr.openvino.settings import OpenVinoSettings
from llamaparse_worker.backends.ocr.pool import PoolSize
from llamaparse_worker.backends.ocr.with_tesseract import with_tesseract


def prepare(settings: OpenVinoSettings, size: PoolSize) -> Engines:
    """Make the engine; its networks are compiled by the first thread that reads a page.

    Raises:
        ConfigurationError: TESSDATA_PREFIX names a folder without models.
    """
    networks = Networks(settings.openvino_device, size.threads)

    def opened() -> AbstractContextManager[Engine]:
        # What computes is imported by the first thread that reads a page.
        from llamaparse_worker.backends.ocr.openvino.requests import Requests  # noqa: PLC0415
        from llamaparse_worker.backends.ocr.ppocr.engine import opened_engine  # noqa: PLC0415

        return opened_engine(NAME, Requests(networks))

    return with_tesseract(opened, settings, size)


ENGINE = LocalEngine(NAME, f"{__name__}:ENGINE", OpenVinoSettings, prepare)
component = component_of(ENGINE)
