"""Tesseract as an engine: LSTM models, one handle a thread and set of languages.

A page is read as it lies first. What reads well, in lines across the page, stands upright and has a script of the
models: text on its head or of another script is read with a third of the confidence, or little more; text that is
written down or up is read well at times, but its words are narrow. For other pages orientation and script are detected
(``sight``), and those that lie or read otherwise are read again. The detection costs a quarter of a reading, which most
pages save. The engine is that of R. Smith et al., "Adapting the Tesseract open source OCR engine for multilingual OCR",
2009. Words are given in its reading order.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

import cv2

from llamaparse_worker.backends.ocr.engine import Picture
from llamaparse_worker.backends.ocr.local import Engines, LocalEngine, component_of
from llamaparse_worker.backends.ocr.pool import PoolSize
from llamaparse_worker.backends.ocr.readings import is_sound, runs_across
from llamaparse_worker.backends.ocr.tesseract.preparation import WORTH_READING, Prepared, prepared
from llamaparse_worker.backends.ocr.tesseract.settings import TesseractSettings
from llamaparse_worker.backends.ocr.tesseract.sight import PRINT_DPI, Sight, SightDetector
from llamaparse_worker.backends.ocr.tesseract.tessdata import OSD, Tessdata, find_tessdata
from llamaparse_worker.errors import ConfigurationError, PageUnreadable, TimeLimitExceeded
from llamaparse_worker.model.recognition import Recognition, Word

if TYPE_CHECKING:
    from tesserocr import PyTessBaseAPI

NAME = "tesseract"

_MOST_HANDLES = 3
"""Each holds 20 to 100 MB; jobs of a deployment share few sets of languages."""


class TesseractEngine:
    """Reads with the languages that a job names, or with those of the script that a page has."""

    def __init__(self, tessdata: Tessdata, *, page_timeout_s: float) -> None:
        self._tessdata = tessdata
        self._timeout_s = page_timeout_s
        self._handles: OrderedDict[str, PyTessBaseAPI] = OrderedDict()
        self._detector: SightDetector | None = None
        self._asked: tuple[ref[Picture], Sight] | None = None
        """What was detected last, and on which picture, whose pixels are not kept for it."""

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        """Recognise words.

        Raises:
            PageUnreadable: Tesseract gave up.
            TimeLimitExceeded: it took too long.
            InvalidOption: a language has no model.
        """
        begun = time.monotonic()
        page, models = prepared(picture, WORTH_READING), self._tessdata.reading(languages, None)
        found = None
        if not self._has_seen(picture):
            found = self._recognised(page.level(), models, begun)
            if is_sound(found) and runs_across(found):
                return found
        sight = self._sight(picture)
        better = self._tessdata.reading(languages, sight.script)
        if found is not None and not sight.turn and better == models:
            return found
        return self._recognised(page.upright(sight.turn).level(), better, begun)

    def is_needed(self, picture: Picture, languages: tuple[str, ...]) -> bool:
        """Tell whether the page certainly has a script that PP-OCR cannot read, such as Fraktur.

        The answer is kept for whoever has the same picture read next.
        """
        return self._tessdata.alone_reads(languages, self._sight(picture).script)

    @property
    def handles(self) -> tuple[str, ...]:
        """The sets of models that are loaded, the one used last at the end."""
        return tuple(self._handles)

    def close(self) -> None:
        """Free the handles."""
        while self._handles:
            self._handles.popitem()[1].End()
        if self._detector is not None:
            self._detector.close()
            self._detector = None

    def _recognised(self, page: Prepared, models: tuple[str, ...], begun: float) -> Recognition:
        handle = self._handle("+".join(models))
        _show(handle, page)
        try:
            done = handle.Recognize(self._left_ms(begun))
            if time.monotonic() - begun >= self._timeout_s:
                raise TimeLimitExceeded(
                    f"Tesseract did not read a page within {self._timeout_s:g} s (OCR_PAGE_TIMEOUT_SECONDS)."
                )
            if not done:
                raise PageUnreadable("Tesseract could not read this page.")
            words = tuple(_words(handle, page))
        finally:
            handle.Clear()
        return Recognition(words, NAME, page.turn, page.skew)

    def _has_seen(self, picture: Picture) -> bool:
        return self._asked is not None and self._asked[0]() is picture

    def _sight(self, picture: Picture) -> Sight:
        if self._asked is None or not self._has_seen(picture):
            self._asked = (ref(picture), self._detected(prepared(picture)))
        return self._asked[1]

    def _detected(self, page: Prepared) -> Sight:
        if OSD not in self._tessdata.models:
            return Sight()
        if self._detector is None:
            self._detector = SightDetector(self._tessdata)
        return self._detector.detect(page)

    def _handle(self, models: str) -> PyTessBaseAPI:
        """Give the handle for models, opening it and closing the one that was not used for longest."""
        if models not in self._handles:
            while len(self._handles) >= _MOST_HANDLES:
                self._handles.popitem(last=False)[1].End()
            self._handles[models] = _opened(self._tessdata, models)
        self._handles.move_to_end(models)
        return self._handles[models]

    def _left_ms(self, begun: float) -> int:
        return max(1, round((self._timeout_s - (time.monotonic() - begun)) * 1000))


@contextmanager
def open_engine(tessdata: Tessdata, *, page_timeout_s: float) -> Iterator[TesseractEngine]:
    """Open an engine for one thread; handles open with the first page of their languages."""
    # A page has one core; the pool reads as many pages as there are. Builds with OpenMP would take every core.
    cv2.setNumThreads(1)
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    engine = TesseractEngine(tessdata, page_timeout_s=page_timeout_s)
    try:
        yield engine
    finally:
        engine.close()


def _opened(tessdata: Tessdata, models: str) -> PyTessBaseAPI:
    from tesserocr import OEM, PSM, PyTessBaseAPI  # noqa: PLC0415 - only for those who use it

    try:
        return PyTessBaseAPI(path=f"{tessdata.folder}/", lang=models, psm=PSM.AUTO, oem=OEM.LSTM_ONLY)
    except RuntimeError as error:
        raise ConfigurationError(f"Tesseract cannot load {models} from {tessdata.folder}: {error}") from error


def _show(handle: PyTessBaseAPI, page: Prepared) -> None:
    height, width = page.samples.shape
    handle.SetImageBytes(page.samples.tobytes(), width, height, 1, width)
    handle.SetSourceResolution(PRINT_DPI)


def _words(handle: PyTessBaseAPI, page: Prepared) -> Iterator[Word]:
    from tesserocr import RIL, iterate_level  # noqa: PLC0415

    found = handle.GetIterator()
    for one in iterate_level(found, RIL.WORD) if found else ():
        place = one.BoundingBox(RIL.WORD)
        if place is None or one.Empty(RIL.WORD):
            continue
        text = one.GetUTF8Text(RIL.WORD).strip()
        if text:
            yield Word(text, page.place(*place), min(1.0, max(0.0, one.Confidence(RIL.WORD) / 100)))


def prepare(settings: TesseractSettings, size: PoolSize) -> Engines:
    """Make the engine with Tesseract alone.

    Raises:
        ConfigurationError: no models are installed.
    """
    tessdata = find_tessdata(settings.tessdata_prefix)
    return Engines(partial(open_engine, tessdata, page_timeout_s=size.page_timeout_s), tessdata.check)


ENGINE = LocalEngine(NAME, f"{__name__}:ENGINE", TesseractSettings, prepare)
component = component_of(ENGINE)
