"""Other readers of the same scans in the same run: the package rapidocr with its defaults, and the command tesseract.

As a program, in an environment of its own (``peers.in``), this module reads the images named as arguments with rapidocr
and writes texts and seconds to the file named first. Neither starting nor loading models counts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
"""``make bench`` sets it up."""
_LIMIT_S = 900
_CORES = 2


@dataclass(frozen=True, slots=True)
class Work:
    """What was read, and what it took."""

    texts: tuple[str, ...]
    wall_s: float
    cpu_s: float


def rapidocr(images: Sequence[Path], state: Path) -> Work:
    """Read with rapidocr; it spreads a page over all cores by itself."""
    answer = state / "rapidocr.json"
    command = [str(PYTHON), __file__, str(answer), *map(str, images)]
    with (state / "rapidocr.log").open("wb") as log:
        subprocess.run(command, check=True, timeout=_LIMIT_S, stdout=log, stderr=log)
    found = json.loads(answer.read_text())
    return Work(tuple(found["texts"]), found["wall_s"], found["cpu_s"])


def tesseract(images: Sequence[Path], state: Path) -> Work:
    """Read with the command on two cores: two processes of one thread or one of two, whichever takes less time."""
    return min((_tesseract(images, state, count) for count in (1, _CORES)), key=lambda work: work.wall_s)


def _tesseract(images: Sequence[Path], state: Path, processes: int) -> Work:
    program = shutil.which("tesseract")
    if program is None:
        raise RuntimeError("the command tesseract is not installed: apt-get install tesseract-ocr")
    folder = state / f"tesseract-{processes}"
    folder.mkdir()
    read_one = f'{program} "$1" "{folder}/$(basename "$1")" 2> /dev/null'
    command = ["xargs", "-0", "-n", "1", "-P", str(processes), "sh", "-c", read_one, "sh"]
    variables = {**os.environ, "OMP_THREAD_LIMIT": str(_CORES // processes)}
    wall, cpu = time.perf_counter(), _children_cpu_s()
    listed = "\0".join(map(str, images)).encode()
    subprocess.run(command, input=listed, env=variables, check=True, timeout=_LIMIT_S)
    texts = tuple((folder / f"{image.name}.txt").read_text() for image in images)
    return Work(texts, time.perf_counter() - wall, _children_cpu_s() - cpu)


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main(arguments: Sequence[str]) -> None:
    from rapidocr import RapidOCR  # noqa: PLC0415 - of the environment of the peers

    reader = RapidOCR()
    images = arguments[1:]
    reader(images[0])
    wall, cpu = time.perf_counter(), time.process_time()
    texts = ["\n".join(getattr(reader(image), "txts", None) or ()) for image in images]
    seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    Path(arguments[0]).write_text(json.dumps({"texts": texts, **seconds}))


if __name__ == "__main__":
    main(sys.argv[1:])
