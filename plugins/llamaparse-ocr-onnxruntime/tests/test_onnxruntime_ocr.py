"""PP-OCR on ONNX Runtime against the contract of OCR, and against the same models on OpenVINO."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from llamaparse_ocr_onnxruntime.best_path import LIKELIHOODS, SIGNS, with_best_path
from llamaparse_ocr_onnxruntime.component import ENGINE, component
from llamaparse_ocr_onnxruntime.device import Device
from llamaparse_ocr_onnxruntime.networks import Networks, Requests
from llamaparse_ocr_onnxruntime.settings import OnnxRuntimeSettings

from llamaparse_worker.backends.ocr.engine import Engine, Picture
from llamaparse_worker.backends.ocr.openvino.networks import Networks as OpenVinoNetworks
from llamaparse_worker.backends.ocr.openvino.requests import Requests as OpenVinoRequests
from llamaparse_worker.backends.ocr.ppocr.engine import PpOcrEngine
from llamaparse_worker.backends.ocr.ppocr.models import RECOGNITION
from llamaparse_worker.backends.ocr.readings import confidence
from llamaparse_worker.components import Seam, load
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.testing.ocr_conformance import ReadingConformance, share_found
from llamaparse_worker.testing.ocr_pages import DPI, HEIGHT, WIDTH, as_image, lettered

onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed: pip install onnxruntime")
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(150)]

TOLERANCE = 6.5
"""Points, half an em: a step of the network along a line is a quarter, and OpenVINO may compute in half precision."""

Samples = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def settings(isolation: Literal["thread", "process"]) -> OnnxRuntimeSettings:
    return OnnxRuntimeSettings(ocr_worker=1, onnxruntime_device="cpu", ocr_isolation=isolation)


class TestOnnxRuntime(ReadingConformance):
    soon_s = 120.0  # detection takes two seconds of a core where it cannot compute in half precision

    @pytest.fixture(scope="class")
    async def ocr(self) -> AsyncIterator[Ocr]:
        async with component.open(settings("thread")) as opened:
            yield opened

    async def test_a_page_is_read_in_a_process_as_in_a_thread(self, ocr: Ocr) -> None:
        image = as_image(lettered()[0])
        async with component.open(settings("process")) as processes:
            found = await processes.read(image, languages=())

        assert found == await ocr.read(image, languages=())


def pages() -> dict[str, Samples]:
    samples, _ = lettered()
    small = samples.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    return {
        "as it is": samples,
        "on its side": np.ascontiguousarray(np.rot90(samples, 1)),
        "white on black": 255 - samples,
        "small": small,
        "beside itself": np.hstack((samples, samples)),
    }


@cache
def on_openvino() -> Engine:
    return PpOcrEngine("openvino", OpenVinoRequests(OpenVinoNetworks("CPU", cores=2)))


@cache
def on_onnxruntime(batch_lines: int = 1) -> Engine:
    return PpOcrEngine("onnxruntime", Requests(Networks(Device(), cores=2, batch_lines=batch_lines)))


def texts(found: Recognition) -> list[str]:
    return [word.text for word in found.words]


@pytest.mark.parametrize("name", pages())
def test_the_text_is_that_of_openvino(name: str) -> None:
    picture = Picture(pages()[name], DPI)
    expected, found = on_openvino().read(picture, ()), on_onnxruntime().read(picture, ())

    assert share_found(expected) >= 0.9
    assert texts(found) == texts(expected)
    assert found.turn == expected.turn
    assert confidence(found) == pytest.approx(confidence(expected), abs=0.01)
    for one, other in zip(found.words, expected.words, strict=True):
        assert one.box.x0 == pytest.approx(other.box.x0, abs=TOLERANCE)
        assert one.box.y1 == pytest.approx(other.box.y1, abs=TOLERANCE)


def test_lines_read_in_batches_say_the_same() -> None:
    picture = Picture(lettered()[0], DPI)
    assert texts(on_onnxruntime(8).read(picture, ())) == texts(on_onnxruntime().read(picture, ()))


def test_the_best_path_is_that_of_all_likelihoods() -> None:
    model = with_best_path(RECOGNITION.path().read_bytes(), "fetch_name_0")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    lines = np.random.default_rng(5).uniform(-1, 1, (2, 3, 48, 192)).astype(np.float32)

    likelihoods, signs, best = session.run(["fetch_name_0", SIGNS, LIKELIHOODS], {"x": lines})

    assert (signs == likelihoods.argmax(axis=2)).all()
    assert (best == likelihoods.max(axis=2)).all()


async def test_a_gpu_that_is_not_there_is_told_apart() -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime can use a GPU")
    async with component.open(OnnxRuntimeSettings(onnxruntime_device="cuda", ocr_worker=1)) as ocr:
        with pytest.raises(ConfigurationError, match="ONNXRUNTIME_DEVICE=cpu"):
            await ocr.ping()


def test_the_entry_point_names_the_component() -> None:
    assert load(Seam.OCR, "onnxruntime", ["ocr:onnxruntime"]) is component
    with pytest.raises(ConfigurationError, match="add ocr:onnxruntime to PLUGINS"):
        load(Seam.OCR, "onnxruntime")
    module, _, attribute = ENGINE.target.partition(":")
    assert module == "llamaparse_ocr_onnxruntime.component"
    assert attribute == "ENGINE"
