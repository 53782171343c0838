"""The compiled networks, which all threads share, and what their outputs mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llamaparse_worker.backends.ocr.openvino.detection import CANVAS
from llamaparse_worker.backends.ocr.openvino.models import DETECTION, RECOGNITION, ModelFile
from llamaparse_worker.errors import ConfigurationError

CORES_PER_WORKER = 2
_BLANK, _SPACE = "", " "


@dataclass(frozen=True, slots=True)
class Networks:
    """Compiled for one device; every thread makes requests of its own."""

    detection: Any
    recognition: Any
    characters: Sequence[str]
    """What each place of the recognition's output stands for; the first one for nothing."""


def load(device: str, workers: int) -> Networks:
    """Compile for so many workers of two cores: lines are found with both cores, and read two at once.

    Raises:
        ConfigurationError: the device does not exist, or a model is missing or another one.
    """
    import openvino  # noqa: PLC0415 - takes a third of a second, and most programs read no pixels

    core = openvino.Core()
    threads = workers * CORES_PER_WORKER
    on_cpu = device.partition(".")[0] == "CPU"

    def options(streams: int) -> dict[str, object]:
        if not on_cpu:
            return {"PERFORMANCE_HINT": "THROUGHPUT"}
        # Pinned threads would fight for the same cores with those of the parser processes.
        return {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}

    def model_of(file: ModelFile) -> Any:  # noqa: ANN401 - openvino has no types
        file.verify()
        return core.read_model(str(file.path()))

    detection, recognition = model_of(DETECTION), model_of(RECOGNITION)
    detection.reshape([1, 3, *CANVAS])
    characters = recognition.get_rt_info(["framework", "character"]).astype(str)
    try:
        compiled = (
            core.compile_model(detection, device, options(workers)),
            core.compile_model(recognition, device, options(threads)),
        )
    except RuntimeError as error:
        known = ", ".join(core.available_devices)
        raise ConfigurationError(
            f"OpenVINO cannot use the device {device} (OPENVINO_DEVICE); this machine has {known}."
        ) from error
    return Networks(*compiled, (_BLANK, *characters.split("\n"), _SPACE))
