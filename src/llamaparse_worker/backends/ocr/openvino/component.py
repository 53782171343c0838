"""The component ``openvino``: PP-OCR, and Tesseract for what that cannot read, where its models are installed.

See ``fallback`` for which of them reads a page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial

from llamaparse_worker.backends.ocr.engine import Engine
from llamaparse_worker.backends.ocr.fallback import check_languages, first_reads, open_fallback
from llamaparse_worker.backends.ocr.languages import known
from llamaparse_worker.backends.ocr.openvino import NAME
from llamaparse_worker.backends.ocr.openvino.networks import CORES_PER_WORKER, Networks
from llamaparse_worker.backends.ocr.openvino.settings import OpenVinoSettings
from llamaparse_worker.backends.ocr.pool import OcrPool, open_pool, pool_size
from llamaparse_worker.backends.ocr.tesseract.tessdata import Tessdata, find_tessdata
from llamaparse_worker.errors import ConfigurationError, InvalidOption
from llamaparse_worker.interfaces import Component, Ocr


@asynccontextmanager
async def open_openvino(settings: OpenVinoSettings) -> AsyncIterator[OcrPool]:
    """Open the pool; networks load with the first page or ``ping``, and Tesseract's models when a page needs them.

    Raises:
        ConfigurationError: TESSDATA_PREFIX names a folder without models.
    """
    size = pool_size(settings)
    networks = Networks(settings.openvino_device, size.threads // CORES_PER_WORKER)
    tessdata = _tessdata(settings)

    def opened() -> AbstractContextManager[Engine]:
        # What computes is imported by the first thread that reads a page.
        from llamaparse_worker.backends.ocr.openvino.engine import open_engine  # noqa: PLC0415
        from llamaparse_worker.backends.ocr.tesseract.engine import open_engine as open_tesseract  # noqa: PLC0415

        first = open_engine(networks)
        if tessdata is None:
            return first
        # Both together stay within the limit of the pool.
        return open_fallback(first, open_tesseract(tessdata, page_timeout_s=size.page_timeout_s / 2), tessdata.check)

    check = partial(check_languages, check_second=tessdata.check) if tessdata is not None else _check_alone
    async with open_pool(NAME, opened, size, check) as pool:
        yield pool


def _tessdata(settings: OpenVinoSettings) -> Tessdata | None:
    """Give Tesseract's models; None where none are installed, which is fine as long as nobody has asked for some."""
    try:
        return find_tessdata(settings.tessdata_prefix)
    except ConfigurationError:
        if settings.tessdata_prefix is not None:
            raise
        return None


def _check_alone(languages: tuple[str, ...]) -> None:
    """Judge languages where there is no Tesseract.

    Raises:
        InvalidOption: a code is unknown, or PP-OCR does not read its language; the message says what to install.
    """
    if not first_reads(languages):
        missing = [language for language in known(languages) if not language.in_pp_ocr]
        names = ", ".join(language.code for language in missing)
        packages = " ".join(dict.fromkeys(language.package for language in missing))
        raise InvalidOption(f"ocr_parameters.languages: {names} cannot be read here; install {packages}")


component: Component[OpenVinoSettings, Ocr] = Component(settings=OpenVinoSettings, open=open_openvino)
