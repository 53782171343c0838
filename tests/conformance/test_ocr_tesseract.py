"""Tesseract against the contract of OCR, and what it alone does."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from llamaparse_worker.backends.ocr.engine import Picture
from llamaparse_worker.backends.ocr.tesseract.engine import TesseractEngine, component
from llamaparse_worker.backends.ocr.tesseract.preparation import Prepared, prepared
from llamaparse_worker.backends.ocr.tesseract.settings import TesseractSettings
from llamaparse_worker.backends.ocr.tesseract.sight import Sight, SightDetector
from llamaparse_worker.backends.ocr.tesseract.tessdata import find_tessdata
from llamaparse_worker.errors import ConfigurationError, InvalidOption, TimeLimitExceeded
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.testing.ocr_conformance import ReadingConformance, share_found
from llamaparse_worker.testing.ocr_pages import DPI, HEIGHT, WIDTH, as_image, lettered

pytestmark = pytest.mark.anyio


class TestTesseract(ReadingConformance):
    @pytest.fixture
    async def ocr(self) -> AsyncIterator[Ocr]:
        async with component.open(TesseractSettings(ocr_worker=1)) as opened:
            yield opened

    async def test_a_language_without_a_model_names_the_package(self, ocr: Ocr) -> None:
        with pytest.raises(InvalidOption, match="install tesseract-ocr-tam"):
            ocr.check_languages(("de", "ta"))

    @pytest.mark.parametrize("degrees", [-3.0, 3.0])
    async def test_the_slope_of_the_lines_is_told(self, ocr: Ocr, degrees: float) -> None:
        samples, _ = lettered()
        clockwise = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -degrees, 1.0)
        sloping = cv2.warpAffine(samples, clockwise, (WIDTH, HEIGHT), borderValue=(255, 255, 255))

        found = await ocr.read(as_image(np.asarray(sloping, np.uint8)), languages=("en",))

        assert share_found(found) >= 0.9
        assert found.skew == pytest.approx(degrees, abs=0.5)


async def test_without_any_model_the_engine_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TESSDATA_PREFIX"):
        async with component.open(TesseractSettings(tessdata_prefix=tmp_path)):
            pass


def test_a_page_that_takes_too_long_is_given_up() -> None:
    samples, _ = lettered()
    engine = TesseractEngine(find_tessdata(None), page_timeout_s=0.01)

    with pytest.raises(TimeLimitExceeded, match="OCR_PAGE_TIMEOUT_SECONDS"):
        engine.read(Picture(samples, DPI), ("en",))
    engine.close()


def test_a_thread_keeps_few_handles() -> None:
    samples, _ = lettered()
    engine = TesseractEngine(find_tessdata(None), page_timeout_s=60)
    top = Picture(samples[:400], DPI)

    for languages in (("en",), ("de",), ("ch_sim",), ("de", "en"), ("en",)):
        assert engine.read(top, languages).words
    assert engine.handles == ("chi_sim", "deu+eng", "eng")
    engine.close()
    assert not engine.handles


def test_a_page_that_reads_well_is_not_asked_for_its_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    detect, detected = SightDetector.detect, []

    def counted(detector: SightDetector, page: Prepared) -> Sight:
        detected.append(page)
        return detect(detector, page)

    monkeypatch.setattr(SightDetector, "detect", counted)
    samples, _ = lettered()
    engine = TesseractEngine(find_tessdata(None), page_timeout_s=60)

    for turn in (0, 1, 2, 3):
        turned = np.ascontiguousarray(np.rot90(samples, -turn))
        assert engine.read(Picture(turned, DPI), ("en",)).turn == turn
        assert len(detected) == turn
    engine.close()


def test_other_threads_go_on_while_the_script_is_detected() -> None:
    page = prepared(Picture(lettered()[0], DPI))
    detector = SightDetector(find_tessdata(None))
    under_way = threading.Thread(target=detector.detect, args=(page,))

    moments = 0
    under_way.start()
    while under_way.is_alive():
        time.sleep(0.001)
        moments += 1

    assert moments >= 10
    assert detector.detect(page) == Sight(turn=0, script="Latin")
    detector.close()


def test_a_picture_that_was_looked_at_is_not_kept() -> None:
    engine = TesseractEngine(find_tessdata(None), page_timeout_s=60)
    picture = Picture(lettered()[0], DPI)
    kept = weakref.ref(picture)

    assert not engine.is_needed(picture, ())
    del picture

    assert kept() is None
    engine.close()
