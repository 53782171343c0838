"""An OCR engine whose every page is counted and timed."""

from __future__ import annotations

import time

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.worker.metrics import Metrics


class MeasuredOcr:
    """The seam ``Ocr`` around another; a page that was given up by its job counts as neither read nor failed."""

    def __init__(self, ocr: Ocr, metrics: Metrics) -> None:
        self._ocr = ocr
        self._metrics = metrics

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._ocr.name

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Read, and count how that went under the name of the engine that is configured."""
        pixels = image.width * image.height
        start = time.perf_counter()
        try:
            found = await self._ocr.read(image, languages=languages)
        except WorkerError:
            self._metrics.ocr_ended(self.name, time.perf_counter() - start, read=False, pixels=pixels)
            raise
        self._metrics.ocr_ended(self.name, time.perf_counter() - start, read=True, pixels=pixels)
        return found

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Judge languages as the engine does."""
        self._ocr.check_languages(languages)

    async def ping(self) -> str:
        """Ask the engine."""
        return await self._ocr.ping()
