"""The networks on OpenVINO, compiled once for all threads, which have ``requests`` of their own on them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from threading import Lock
from typing import Any

from llamaparse_worker.backends.ocr.ppocr.models import DETECTION, RECOGNITION, ModelFile, signs_of
from llamaparse_worker.errors import ConfigurationError

CORES_PER_WORKER = 2

_ARENA_MAX, _ARENAS = -8, 2
_MMAP_THRESHOLD, _LARGE = -3, 4 << 20
"""Options of ``mallopt(3)``. Each arena keeps what a network once needed, and there is one a thread otherwise. Large
buffers, which every longer line makes a network allocate anew, go back to the system instead of leaving holes."""
_GREY = 127.5
"""Between black and white: 0 to the models, as ``ppocr.network.normalised`` has it."""


class Networks:
    """The networks for one device, each compiled when it is first needed; any thread may ask.

    A worker has two cores: lines are found with both of them, and read two at once.

    Args:
        device: as OpenVINO names it.
        cores: those of a CPU that compute.
    """

    def __init__(self, device: str, cores: int) -> None:
        self._device = device
        self._cores = cores
        self._lock = Lock()
        self._core: Any = None
        self._detection: dict[tuple[int, int], Any] = {}
        self._recognition: Any = None
        self._signs: Sequence[str] = ()

    @property
    def signs(self) -> Sequence[str]:
        """What each place of the recognition's output stands for, once a request of it was given."""
        return self._signs

    def detection(self, canvas: tuple[int, int]) -> Any:  # noqa: ANN401 - openvino has no types
        """Give a request of the network that finds lines on a canvas of this height and width.

        Raises:
            ConfigurationError: the device does not exist, or a model is missing or another one.
        """
        with self._lock:
            if canvas not in self._detection:
                model = self._read(DETECTION)
                model.reshape([1, 3, *canvas])
                self._detection[canvas] = self._compiled(_of_pictures(model), max(1, self._cores // CORES_PER_WORKER))
            return self._detection[canvas].create_infer_request()

    def recognition(self) -> Any:  # noqa: ANN401 - openvino has no types
        """Give a request of the network that reads lines: its outputs are likelihoods and signs of the best path.

        Raises as ``detection``.
        """
        with self._lock:
            if self._recognition is None:
                model = self._read(RECOGNITION)
                self._signs = signs_of(model.get_rt_info(["framework", "character"]).astype(str))
                self._recognition = self._compiled(_with_best_path(model), self._cores)
            return self._recognition.create_infer_request()

    def _read(self, file: ModelFile) -> Any:  # noqa: ANN401 - openvino has no types
        if self._core is None:
            import openvino  # noqa: PLC0415 - takes a third of a second, and most programs read no pixels

            for option, value in ((_ARENA_MAX, _ARENAS), (_MMAP_THRESHOLD, _LARGE)):
                ctypes.CDLL(None).mallopt(option, value)
            _set_up_binding(openvino)
            self._core = openvino.Core()
        file.verify()
        return self._core.read_model(str(file.path()))

    def _compiled(self, model: Any, streams: int) -> Any:  # noqa: ANN401 - openvino has no types
        options: dict[str, object] = {"PERFORMANCE_HINT": "THROUGHPUT"}
        if self._device.partition(".")[0] == "CPU":
            # Pinned threads would fight for the same cores with those of the parser processes.
            options = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": self._cores, "ENABLE_CPU_PINNING": False}
        try:
            return self._core.compile_model(model, self._device, options)
        except RuntimeError as error:
            known = ", ".join(self._core.available_devices)
            raise ConfigurationError(
                f"OpenVINO cannot use the device {self._device} (OPENVINO_DEVICE); this machine has {known}."
            ) from error


def _of_pictures(model: Any) -> Any:  # noqa: ANN401 - openvino has no types
    """Have the network take samples as they are: a canvas of numbers with a fraction takes 17 MB, and twice to make."""
    from openvino import Layout, Type  # noqa: PLC0415 - see ``_read``
    from openvino.preprocess import PrePostProcessor  # noqa: PLC0415

    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().convert_element_type(Type.f32).mean(_GREY).scale(_GREY)
    return steps.build()


def _with_best_path(model: Any) -> Any:  # noqa: ANN401 - openvino has no types
    """Have the network choose the best sign of each step: all likelihoods of a long line take 30 MB a request."""
    from openvino import Model, opset13  # noqa: PLC0415 - see ``_read``

    likelihoods = model.output(0).get_node().input(0).get_source_output()
    best = opset13.topk(likelihoods, 1, 2, "max", "none", index_element_type="i32")
    return Model([best.output(0), best.output(1)], model.get_parameters(), model.get_friendly_name())


def _set_up_binding(openvino: Any) -> None:  # noqa: ANN401 - openvino has no types
    """Have the binding make its tables of types while no other thread uses it.

    It makes each at first use, in a variable that C++ guards, and lets go of the interpreter's lock meanwhile. A second
    thread that comes by then holds that lock and waits for the guard, the first one waits for the lock: for ever.
    """
    import numpy as np  # noqa: PLC0415 - see ``engine``

    np.asarray(openvino.Tensor(np.zeros(1, np.float32)).data)
