"""Pages a minute, CPU and memory of the OCR engine that the variables choose, on pages drawn here.

``OCR_ENGINE=openvino OCR_ISOLATION=process PYTHONPATH=tests .venv/bin/python -m benchmarks.ocr_engine --pages 24``. A
round is all pages at once, as many in the engine as it takes; the best round counts. Models load before.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass

import anyio
import numpy as np

from benchmarks.tree import pss_mb
from llamaparse_worker.app.backends import open_ocr
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.settings import LocalSettings, read
from llamaparse_worker.testing.ocr_pages import HEIGHT, LINES, WIDTH, as_image, lettered
from llamaparse_worker.worker.resources import read_process_tree

_BAND = slice(160, 720)
_BLOCKS = 3


@dataclass(frozen=True, slots=True)
class Round:
    """What reading all pages once took."""

    wall_s: float
    cpu_s: float


def page() -> PixelImage:
    """Draw a page of letter size at 200 dpi with all lines three times."""
    samples, _ = lettered()
    full = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for block in range(_BLOCKS):
        top = 160 + block * (_BAND.stop - _BAND.start)
        full[top : top + _BAND.stop - _BAND.start] = samples[_BAND]
    return as_image(full)


async def measured(ocr: Ocr, pages: int) -> Round:
    """Read pages, all at once."""
    image, cpu, wall = page(), read_process_tree(os.getpid()).cpu_seconds, time.perf_counter()

    async def one() -> None:
        words = (await ocr.read(image, languages=("en",))).words
        if len(words) < len(" ".join(LINES).split()):
            raise RuntimeError(f"only {len(words)} words were read")

    async with anyio.create_task_group() as group:
        for _ in range(pages):
            group.start_soon(one)
    return Round(time.perf_counter() - wall, read_process_tree(os.getpid()).cpu_seconds - cpu)


async def run(pages: int, rounds: int) -> None:
    """Open the engine, and measure it."""
    start = time.perf_counter()
    async with open_ocr(read(LocalSettings)) as ocr:
        what = await ocr.ping()
        warm_s, warm_cpu_s = time.perf_counter() - start, read_process_tree(os.getpid()).cpu_seconds
        taken = [await measured(ocr, pages) for _ in range(rounds)]
        memory = pss_mb(os.getpid())
    best, least = min(one.wall_s for one in taken), min(one.cpu_s for one in taken)
    sys.stdout.write(
        f"{what}: {len(LINES) * _BLOCKS} lines a page, {pages} pages, best of {rounds} rounds\n"
        f"  {60 * pages / best:.0f} pages/min, {least / pages:.2f} s of CPU a page, {memory:.0f} MB at the end\n"
        f"  ready after {warm_s:.1f} s and {warm_cpu_s:.1f} s of CPU, start of the program included in the latter\n"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="measure the OCR engine that OCR_ENGINE names")
    parser.add_argument("--pages", type=int, default=24, help="pages that are given at once")
    parser.add_argument("--rounds", type=int, default=3, help="how often; the best counts")
    args = parser.parse_args()
    anyio.run(run, args.pages, args.rounds)


if __name__ == "__main__":
    main()
