"""An OCR engine that reads how grey a page is, in the threads of the real pool; as a component, and out of order.

Pages of the scripted reader have a mark in the grey of their number.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from llamaparse_worker.backends.ocr.engine import Picture
from llamaparse_worker.backends.ocr.pool import OcrPool, PoolSize, open_pool
from llamaparse_worker.errors import InvalidOption, PageUnreadable
from llamaparse_worker.interfaces import Component
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word
from support.daemon import scripted

NAME = "scripted"
HANGS = 13
"""The grey over which a thread never comes back."""
SLOW = 23
"""The grey that takes a second and a half to read."""
UNREADABLE = 17
CRASHES = 19
UNKNOWN_LANGUAGE = "xx"


class ScriptedEngine:
    """Reads the darkest sample of a picture."""

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        """Give one word that names grey and languages, or go wrong as the grey demands."""
        grey = int(picture.samples.min())
        if grey == HANGS:
            time.sleep(86_400)
        if grey == SLOW:
            time.sleep(1.5)
        if grey == UNREADABLE:
            raise PageUnreadable("this grey cannot be read")
        if grey == CRASHES:
            raise ZeroDivisionError
        text = "+".join((f"grey-{grey}", *languages))
        return Recognition((Word(text, Box(72.0, 72.0, 300.0, 90.0), 0.5),), NAME)


class ScriptedOcrSettings(BaseModel):
    """How many threads there are, and how long they may take."""

    model_config = ConfigDict(frozen=True)

    scripted_ocr_threads: int = Field(default=2, description="Threads")
    scripted_ocr_timeout_seconds: float = Field(default=1.0, description="Time limit of one page")


@contextmanager
def _opened() -> Iterator[ScriptedEngine]:
    yield ScriptedEngine()


def _check(languages: tuple[str, ...]) -> None:
    if UNKNOWN_LANGUAGE in languages:
        raise InvalidOption(f"languages: {UNKNOWN_LANGUAGE} is unknown")


@asynccontextmanager
async def open_scripted(settings: ScriptedOcrSettings) -> AsyncIterator[OcrPool]:
    """Yield a pool of such engines."""
    size = PoolSize(settings.scripted_ocr_threads, settings.scripted_ocr_timeout_seconds)
    async with open_pool(NAME, _opened, size, _check) as pool:
        yield pool


def as_plugin(folder: Path) -> dict[str, str]:
    """Give the variables that enable this engine and the reader of scripted documents, which lie in ``folder``."""
    found = scripted(folder)
    owner = folder / "plugins" / "scripted_ocr-1.dist-info"
    owner.mkdir(parents=True, exist_ok=True)
    (owner / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted-ocr\nVersion: 1\n")
    (owner / "entry_points.txt").write_text(f"[llamaparse_worker.ocr]\n{NAME} = {__name__}:component\n")
    path = f"{found['PYTHONPATH']}:{Path(__file__).parents[1]}"
    return {"PYTHONPATH": path, "PLUGINS": f"{found['PLUGINS']},ocr:{NAME}", "OCR_ENGINE": NAME, "LOG_FORMAT": "json"}


component = Component(ScriptedOcrSettings, open_scripted)
