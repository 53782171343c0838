"""An OCR engine that reads what it is told to read."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import Event

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Recognition, Word

DEFAULT_WORDS = (
    Word("Recognised", Box(72.0, 72.0, 140.0, 84.0), 0.9),
    Word("words", Box(145.0, 72.0, 180.0, 84.0), 0.8),
)


class FakeOcr:
    """Gives the same words for every image; fails or waits when told to.

    ``error`` is raised instead of an answer; ``gate`` holds every answer back until it is set. ``seen`` lists width,
    height and dpi of the images in the order of the calls.
    """

    def __init__(
        self,
        words: Sequence[Word] = DEFAULT_WORDS,
        *,
        name: str = "fake",
        error: WorkerError | None = None,
        gate: Event | None = None,
    ) -> None:
        self._words = tuple(words)
        self._name = name
        self._error = error
        self._gate = gate
        self.seen: list[tuple[int, int, float]] = []
        self.languages: list[tuple[str, ...]] = []
        self.running = 0
        self.most_running = 0

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._name

    async def read(self, image: PixelImage, *, languages: tuple[str, ...]) -> Recognition:
        """Give the words, after proving that the samples can be read."""
        self.seen.append((image.width, image.height, image.dpi))
        self.languages.append(languages)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self._gate is not None:
                await self._gate.wait()
            if len(image.samples.tobytes()) != image.width * image.height * image.channels:
                raise ValueError("the samples do not fit the size of the image")
        finally:
            self.running -= 1
        if self._error is not None:
            raise self._error
        return Recognition(self._words, self._name)

    def check_languages(self, languages: tuple[str, ...]) -> None:
        """Read every language."""

    async def ping(self) -> str:
        """Always be there."""
        return self._name
