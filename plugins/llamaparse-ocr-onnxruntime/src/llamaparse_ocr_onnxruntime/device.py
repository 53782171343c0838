"""What computes, and how many pages it reads at once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from llamaparse_ocr_onnxruntime.settings import OnnxRuntimeSettings
from llamaparse_worker.backends.ocr.pool import THREADS_PER_WORKER, PoolSize, pool_size

GPU_WORKERS = 4
"""OCR_WORKER with a GPU, as the original has it: pages enough in work that batches fill."""
_DRIVER = Path("/dev/nvidiactl")


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU by its number, or the CPU."""

    gpu: int | None = None


def device_of(settings: OnnxRuntimeSettings) -> Device:
    """Give the device that the settings name, or that is there."""
    kind, _, number = settings.onnxruntime_device.partition(":")
    if kind == "cuda" or (kind == "auto" and _has_gpu()):
        return Device(int(number or 0))
    return Device()


def size_of(settings: OnnxRuntimeSettings) -> PoolSize:
    """Give the pool's size: cores do not count where a GPU computes."""
    if settings.ocr_worker is None and device_of(settings).gpu is not None:
        return PoolSize(GPU_WORKERS * THREADS_PER_WORKER, settings.ocr_page_timeout_seconds)
    return pool_size(settings)


def _has_gpu() -> bool:
    try:
        distribution("onnxruntime-gpu")
    except PackageNotFoundError:
        return False
    return _DRIVER.exists()
