"""An engine for processes, which does to itself what the grey of a page demands."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from llamaparse_worker.backends.ocr.engine import Picture
from llamaparse_worker.backends.ocr.local import Engines, LocalEngine
from llamaparse_worker.backends.ocr.pool import PoolSize
from llamaparse_worker.backends.ocr.settings import OcrPoolSettings
from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word

NAME = "scripted"
HANGS, UNREADABLE, RAISES, SEGFAULT, KILLED, OUT_OF_MEMORY, RUBBISH, NOISE, TELLS, ONCE = range(10, 20)
"""Greys and what they do; NOISE tells the worker what is no message, ONCE kills the process that reads it first."""


class ChildSettings(OcrPoolSettings):
    """How the engine goes wrong before it reads a page that counts."""

    broken: bool = Field(default=False, description="Not even a blank page can be read")
    missing: bool = Field(default=False, description="It cannot be opened")
    folder: Path = Field(default=Path("/nonexistent"), description="Where it remembers")


class _Engine:
    def __init__(self, settings: ChildSettings) -> None:
        self._settings = settings

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        grey = int(picture.samples.min())
        text = "+".join((f"grey-{grey}", *languages))
        if self._settings.broken:
            _end(signal.SIGILL)
        if grey in _FAULTS:
            _FAULTS[grey]()
        if grey == TELLS:
            text = _surroundings()
        if grey == ONCE and _first_time(self._settings.folder):
            _end(signal.SIGKILL)
        confidence = float("nan") if grey == RUBBISH else 0.5
        return Recognition((Word(text, Box(1.0, 2.0, 3.0, 4.0), confidence),), NAME)


def _end(number: signal.Signals) -> None:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _shout() -> None:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - descriptors, not files
        if _is_socket(int(name)):
            os.write(int(name), b"rubbish that is no message")


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:  # that of the listing itself
        return False


def _first_time(folder: Path) -> bool:
    try:
        (folder / "been here").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _surroundings() -> str:
    own_group = os.getpgid(0) == os.getpid()
    return " ".join((*sorted(os.environ), f"group={own_group}", f"pid={os.getpid()}"))


def _refuse() -> None:
    raise PageUnreadable("this grey cannot be read")


def _raise() -> None:
    raise ZeroDivisionError


def _fill_memory() -> None:
    np.zeros(1 << 40)


_FAULTS: dict[int, Callable[[], None]] = {
    HANGS: partial(time.sleep, 86_400),
    UNREADABLE: _refuse,
    RAISES: _raise,
    SEGFAULT: partial(_end, signal.SIGSEGV),
    KILLED: partial(_end, signal.SIGKILL),
    OUT_OF_MEMORY: _fill_memory,
    NOISE: _shout,
}


def prepare(settings: ChildSettings, size: PoolSize) -> Engines:
    """Make the engine."""
    del size

    @contextmanager
    def opened() -> Iterator[_Engine]:
        if settings.missing:
            raise FileNotFoundError("model.onnx")
        yield _Engine(settings)

    return Engines(opened, lambda _: None)


ENGINE = LocalEngine(NAME, f"{__name__}:ENGINE", ChildSettings, prepare)
