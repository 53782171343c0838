"""Reading of pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition


class Ocr(Protocol):
    """Reads pixels. A pool in this process or a fleet elsewhere; bounded by its own limit."""

    @property
    def name(self) -> str:
        """The engine's name in manifest and metrics."""
        ...

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Recognise words; boxes in points (pixels × 72 / dpi) from the top left of the image.

        The samples are not looked at after the call has returned, been cancelled or failed.

        Raises:
            PageUnreadable: the engine failed on this page; others may be fine.
            TimeLimitExceeded: it took too long.
            BackendUnavailable: there is no engine for now; the job is tried again later.
        """
        ...

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Judge before any work whether these languages can be read; codes are those of LlamaParse.

        Raises:
            InvalidOption: one is unknown, or what it needs is not installed; the message says what to install.
        """
        ...

    async def ping(self) -> str:
        """Prove that pages can be read, loading what is needed for it; gives engine and size.

        Raises:
            BackendUnavailable: not for now.
        """
        ...


@dataclass(frozen=True, slots=True)
class PoolUse:
    """A pool of this worker at one moment: its threads or processes, and those that are not free."""

    size: int
    busy: int
    starts: int = 0
    """Processes started since it was opened; 0 for threads."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """Processes that ended or were ended, by reason."""


@runtime_checkable
class Pooled(Protocol):
    """An OCR engine whose threads or processes belong to this worker, and to its gauges."""

    def use(self) -> PoolUse:
        """Say how much of the pool is in use; called from any thread."""
        ...
