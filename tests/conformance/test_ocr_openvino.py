"""PP-OCR on OpenVINO against the contract of OCR, and what it alone does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from llamaparse_worker.backends.ocr.engine import Picture
from llamaparse_worker.backends.ocr.openvino.component import component
from llamaparse_worker.backends.ocr.openvino.networks import Networks
from llamaparse_worker.backends.ocr.openvino.requests import Requests
from llamaparse_worker.backends.ocr.openvino.settings import OpenVinoSettings
from llamaparse_worker.backends.ocr.ppocr import models
from llamaparse_worker.backends.ocr.ppocr.engine import PpOcrEngine
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.testing.ocr_conformance import ReadingConformance, share_found
from llamaparse_worker.testing.ocr_pages import DPI, HEIGHT, WIDTH, as_image, lettered

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def engine() -> PpOcrEngine:
    return PpOcrEngine("openvino", Requests(Networks("CPU", cores=2)))


class TestOpenVino(ReadingConformance):
    @pytest.fixture
    async def ocr(self) -> AsyncIterator[Ocr]:
        async with component.open(OpenVinoSettings(ocr_worker=1)) as opened:
            yield opened

    @pytest.mark.parametrize("degrees", [-3.0, 3.0])
    async def test_the_slope_of_the_lines_is_told(self, ocr: Ocr, degrees: float) -> None:
        samples, _ = lettered()
        clockwise = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -degrees, 1.0)
        sloping = cv2.warpAffine(samples, clockwise, (WIDTH, HEIGHT), borderValue=(255, 255, 255))

        found = await ocr.read(as_image(np.asarray(sloping, np.uint8)), languages=("en",))

        assert share_found(found) >= 0.9
        assert found.skew == pytest.approx(degrees, abs=0.5)


STARTS_AT_ONCE = """
import sys, threading
import numpy as np
from llamaparse_worker.backends.ocr.openvino.networks import Networks
from llamaparse_worker.backends.ocr.openvino.requests import Requests

networks = Networks("CPU", cores=2)
requests = [Requests(networks) for _ in range(4)]
together = threading.Barrier(len(requests))

def read(request):
    together.wait()
    list(request.read([np.zeros((1, 3, 48, 96), np.float32)]))

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=read, args=(request,), daemon=True) for request in requests]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_start_at_once_do_not_wait_for_each_other_for_ever() -> None:
    subprocess.run([sys.executable, "-c", STARTS_AT_ONCE], timeout=30, check=True)


class TestOpenVinoInProcesses(ReadingConformance):
    @pytest.fixture
    async def ocr(self) -> AsyncIterator[Ocr]:
        async with component.open(OpenVinoSettings(ocr_worker=1, ocr_isolation="process")) as opened:
            yield opened

    async def test_a_page_is_read_as_in_a_thread(self, ocr: Ocr) -> None:
        samples, _ = lettered()
        async with component.open(OpenVinoSettings(ocr_worker=1)) as threads:
            expected = await threads.read(as_image(samples), languages=())

        assert await ocr.read(as_image(samples), languages=()) == expected


async def test_a_device_that_is_not_there_is_told_apart() -> None:
    async with component.open(OpenVinoSettings(openvino_device="GPU.7")) as ocr:
        with pytest.raises(ConfigurationError, match="OPENVINO_DEVICE"):
            await ocr.ping()


def test_another_model_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = models.ModelFile("some.onnx", "0" * 64)
    (tmp_path / "some.onnx").write_bytes(b"something else")
    monkeypatch.setattr(models.ModelFile, "path", lambda self: tmp_path / self.name)
    with pytest.raises(ConfigurationError, match=r"some\.onnx is not the one"):
        file.verify()


def test_a_page_that_is_wider_than_high_is_read_as_well(engine: PpOcrEngine) -> None:
    samples, _ = lettered()
    wide = np.full((HEIGHT, 2 * WIDTH, 3), 255, np.uint8)
    wide[:, WIDTH:] = samples
    assert share_found(engine.read(Picture(wide, DPI), ())) >= 0.9


def test_light_letters_on_dark_ground_are_read(engine: PpOcrEngine) -> None:
    samples, _ = lettered()
    assert share_found(engine.read(Picture(255 - samples, DPI), ())) >= 0.9


def test_grey_pictures_are_read_like_coloured_ones(engine: PpOcrEngine) -> None:
    samples, _ = lettered()
    assert engine.read(Picture(samples[:, :, :1].copy(), DPI), ()) == engine.read(Picture(samples, DPI), ())
