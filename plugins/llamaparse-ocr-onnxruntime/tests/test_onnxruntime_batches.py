"""Lines of several pages are read together, and what no GPU is needed for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from llamaparse_ocr_onnxruntime.batches import Batches, Line
from llamaparse_ocr_onnxruntime.device import Device, device_of, size_of
from llamaparse_ocr_onnxruntime.settings import OnnxRuntimeSettings

from llamaparse_worker.backends.ocr.pool import pool_size
from llamaparse_worker.backends.ocr.ppocr.network import Floats, Path


class Reader:
    """Gives for each line the number that it is filled with."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.begun = Event()
        self.go_on = Event()
        self.go_on.set()

    def read(self, batch: Floats) -> Sequence[Path]:
        self.shapes.append(batch.shape)
        self.begun.set()
        self.go_on.wait(10)
        if (batch < 0).any():
            raise RuntimeError("no memory left")
        return [Path(np.array([int(line.max())]), np.ones(1, np.float32)) for line in batch]


def line(number: int, width: int = 96) -> Floats:
    return np.full((1, 3, 48, width), number, np.float32)


def said(batches: Batches, waiting: Line) -> int:
    return int(batches.path_of(waiting).signs[0])


def test_lines_of_one_width_are_read_together_and_no_more_than_allowed() -> None:
    reader = Reader()
    batches = Batches(reader.read, most=4)
    waiting = [batches.add(line(number, 96 if number % 2 else 192)) for number in range(12)]

    assert [said(batches, one) for one in waiting] == list(range(12))
    assert sorted(reader.shapes) == [(2, 3, 48, 96), (2, 3, 48, 192), (4, 3, 48, 96), (4, 3, 48, 192)]


def test_pages_that_wait_while_a_batch_is_read_share_the_next() -> None:
    reader = Reader()
    reader.go_on.clear()
    batches = Batches(reader.read, most=32)
    with ThreadPoolExecutor(6) as pages:
        first = pages.submit(said, batches, batches.add(line(0)))
        assert reader.begun.wait(10)
        waiting = [batches.add(line(number)) for number in range(1, 6)]
        others = [pages.submit(said, batches, one) for one in waiting]
        reader.go_on.set()
        assert [first.result(10), *(other.result(10) for other in others)] == list(range(6))
    assert reader.shapes == [(1, 3, 48, 96), (5, 3, 48, 96)]


def test_a_batch_that_fails_fails_its_lines_only() -> None:
    reader = Reader()
    batches = Batches(reader.read, most=2)
    bad, beside, after = (batches.add(line(number)) for number in (-1, 1, 2))
    for one in (bad, beside):
        with pytest.raises(RuntimeError, match="no memory left"):
            batches.path_of(one)
    assert said(batches, after) == 2


def test_lines_that_nobody_waits_for_are_not_read() -> None:
    reader = Reader()
    batches = Batches(reader.read, most=8)
    dropped, kept = batches.add(line(1)), batches.add(line(2))
    batches.drop([dropped])
    assert said(batches, kept) == 2
    assert reader.shapes == [(1, 3, 48, 96)]


def test_a_gpu_has_four_workers_unless_told_otherwise() -> None:
    gpu = OnnxRuntimeSettings(onnxruntime_device="cuda:1", ocr_page_timeout_seconds=7)
    assert device_of(gpu) == Device(1)
    assert (size_of(gpu).threads, size_of(gpu).page_timeout_s) == (8, 7)
    assert size_of(gpu.model_copy(update={"ocr_worker": 1})).threads == 2


def test_cores_count_on_a_cpu() -> None:
    cpu = OnnxRuntimeSettings(onnxruntime_device="cpu")
    assert device_of(cpu) == Device()
    assert size_of(cpu) == pool_size(cpu)
