"""The networks on ONNX Runtime, which all threads share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np

from llamaparse_ocr_onnxruntime.batches import Batches, Line
from llamaparse_ocr_onnxruntime.best_path import LIKELIHOODS, SIGNS, with_best_path
from llamaparse_ocr_onnxruntime.device import Device
from llamaparse_worker.backends.ocr.engine import Samples
from llamaparse_worker.backends.ocr.ppocr.models import DETECTION, RECOGNITION, signs_of
from llamaparse_worker.backends.ocr.ppocr.network import Floats, Path, normalised
from llamaparse_worker.errors import ConfigurationError

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_INPUT, _READ_OUTPUT = "x", "fetch_name_0"
_AHEAD = 2
"""Batches that one page may have waiting: it cuts the next out while one is read."""


class Networks:
    """The networks for one device, loaded when they are first needed; any thread may ask.

    Args:
        device: what computes.
        cores: those of a CPU that compute.
        batch_lines: how many lines are read at once. On a CPU one at a time is fastest.
    """

    def __init__(self, device: Device, cores: int, batch_lines: int) -> None:
        self._device = device
        self._cores = cores
        self.batch_lines = batch_lines
        self.lines = Batches(self._read, batch_lines)
        self._lock = Lock()
        self._detection: Any = None
        self._recognition: Any = None
        self._signs: Sequence[str] = ()

    def load(self) -> None:
        """Load both models, once.

        Raises:
            ConfigurationError: ONNX Runtime or the device is not there, or a model is missing or another one.
        """
        with self._lock:
            if self._recognition is None:
                DETECTION.verify()
                RECOGNITION.verify()
                self._detection = self._session(DETECTION.path().read_bytes())
                self._recognition = self._session(with_best_path(RECOGNITION.path().read_bytes(), _READ_OUTPUT))
                self._signs = signs_of(self._recognition.get_modelmeta().custom_metadata_map["character"])

    @property
    def signs(self) -> Sequence[str]:
        """What each place of the recognition's output stands for, once it is loaded."""
        return self._signs

    def find(self, canvas: Samples) -> Floats:
        """Give for each pixel of a canvas how likely text is there."""
        (found,) = self._detection.run(None, {_INPUT: normalised(canvas)[np.newaxis]})
        probabilities: Floats = found[0, 0]
        return probabilities

    def _read(self, batch: Floats) -> Sequence[Path]:
        signs, likelihoods = self._recognition.run([SIGNS, LIKELIHOODS], {_INPUT: batch})
        return [Path(*pair) for pair in zip(signs, likelihoods, strict=True)]

    def _session(self, model: bytes) -> Any:  # noqa: ANN401 - onnxruntime has no types
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self._cores
        # Threads that spin while they wait would take the cores of the parser processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = runtime.InferenceSession(model, options, providers=self._providers(runtime))
        if self._device.gpu is not None and _CUDA not in session.get_providers():
            raise self._unusable(runtime)
        return session

    def _providers(self, runtime: Any) -> list[object]:  # noqa: ANN401 - onnxruntime has no types
        """Give what computes, first choice first; the CPU takes what a GPU has no kernel for."""
        if self._device.gpu is None:
            return [_CPU]
        if _CUDA not in runtime.get_available_providers():
            raise self._unusable(runtime)
        runtime.preload_dlls()
        # Every width is a shape of its own: trying all algorithms for each would take longer than the pages.
        return [(_CUDA, {"device_id": self._device.gpu, "cudnn_conv_algo_search": "HEURISTIC"}), _CPU]

    def _unusable(self, runtime: Any) -> ConfigurationError:  # noqa: ANN401 - onnxruntime has no types
        return ConfigurationError(
            f"ONNXRUNTIME_DEVICE: ONNX Runtime {runtime.__version__} cannot use GPU {self._device.gpu}; install "
            "llamaparse-ocr-onnxruntime[gpu] and the driver, or set ONNXRUNTIME_DEVICE=cpu"
        )


class Requests:
    """The seam ``Network`` for one thread. Raises as ``Networks.load``."""

    def __init__(self, networks: Networks) -> None:
        networks.load()
        self._networks = networks

    @property
    def signs(self) -> Sequence[str]:
        """The signs of the recognition."""
        return self._networks.signs

    def find(self, canvas: Samples) -> Floats:
        """Give for each pixel how likely text is there."""
        return self._networks.find(canvas)

    def read(self, lines: Iterable[Floats]) -> Iterator[Path]:
        """Read lines, together with those of other pages."""
        batches, under_way = self._networks.lines, deque[Line]()
        try:
            for values in lines:
                if len(under_way) == _AHEAD * self._networks.batch_lines:
                    yield batches.path_of(under_way.popleft())
                under_way.append(batches.add(values))
            while under_way:
                yield batches.path_of(under_way.popleft())
        finally:
            batches.drop(under_way)


def _runtime() -> Any:  # noqa: ANN401 - onnxruntime has no types
    try:
        import onnxruntime  # noqa: PLC0415 - takes a tenth of a second, and most programs read no pixels
    except ImportError as error:
        raise ConfigurationError(
            "OCR_ENGINE=onnxruntime needs ONNX Runtime: pip install 'llamaparse-ocr-onnxruntime[cpu]', or [gpu]"
        ) from error
    return onnxruntime
