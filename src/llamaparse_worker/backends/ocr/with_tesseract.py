"""Joins Tesseract to an engine with PP-OCR's models, where its own are installed; ``fallback`` says who reads what."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

from llamaparse_worker.backends.ocr.engine import Engine, EngineFactory
from llamaparse_worker.backends.ocr.fallback import check_languages, first_reads, open_fallback
from llamaparse_worker.backends.ocr.languages import known
from llamaparse_worker.backends.ocr.local import Engines
from llamaparse_worker.backends.ocr.pool import PoolSize
from llamaparse_worker.backends.ocr.tesseract.settings import TessdataSettings
from llamaparse_worker.backends.ocr.tesseract.tessdata import Tessdata, find_tessdata
from llamaparse_worker.errors import ConfigurationError, InvalidOption


def with_tesseract(open_first: EngineFactory, settings: TessdataSettings, size: PoolSize) -> Engines:
    """Give engines that fall back on Tesseract, or the engine alone.

    Raises:
        ConfigurationError: TESSDATA_PREFIX names a folder without models.
    """
    tessdata = _tessdata(settings)
    if tessdata is None:
        return Engines(open_first, _check_alone)

    def opened() -> AbstractContextManager[Engine]:
        # What computes is imported by the first thread that reads a page.
        from llamaparse_worker.backends.ocr.tesseract.engine import open_engine  # noqa: PLC0415

        # Both together stay within the limit of the pool.
        second = open_engine(tessdata, page_timeout_s=size.page_timeout_s / 2)
        return open_fallback(open_first(), second, tessdata.check)

    return Engines(opened, partial(check_languages, check_second=tessdata.check))


def _tessdata(settings: TessdataSettings) -> Tessdata | None:
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
