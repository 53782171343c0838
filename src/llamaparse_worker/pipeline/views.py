"""How the pages of a document look, drawn by parser processes when a mode asks for it."""

from __future__ import annotations

import itertools
from pathlib import Path

from anyio import to_thread

from llamaparse_worker.interfaces import Parsers
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.genai import Image
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.parsing import Draw
from llamaparse_worker.pipeline.seat import last_event, seat_in

_MEDIA_TYPE = "image/jpeg"


class DocumentViews:
    """Draws pages of one document; each drawing lies in the folder for as long as it takes to read it."""

    def __init__(self, parsers: Parsers, document: Spooled, folder: Path, *, silence_s: float) -> None:
        self._parsers = parsers
        self._document = document
        self._folder = folder
        self._silence_s = silence_s
        self._numbers = itertools.count()

    def page(self, number: int) -> PageViewOf:
        """Give the view of one page."""
        return PageViewOf(self, number)

    async def draw(self, number: int, longest_side: int, part: Box | None) -> Image:
        """Draw a page or a part of it.

        Raises:
            PageUnreadable: it cannot be drawn.
            LimitExceeded: drawing takes too long or too much memory.
            ParserCrashed: the process died over it.
        """
        file = self._folder / f"view-{next(self._numbers)}.jpg"
        request = Draw(self._document, number, longest_side, str(file), part)
        try:
            async with seat_in(self._parsers) as seat:
                await last_event(await seat.take(), request, silence_s=self._silence_s)
            return Image(await to_thread.run_sync(file.read_bytes), _MEDIA_TYPE)
        finally:
            await to_thread.run_sync(lambda: file.unlink(missing_ok=True))


class PageViewOf:
    """The seam ``PageView`` for one page of a document."""

    def __init__(self, views: DocumentViews, number: int) -> None:
        self._views = views
        self._number = number

    async def picture(self, *, longest_side: int, part: Box | None = None) -> Image:
        """Draw the page or a part of it; see ``PageView``."""
        return await self._views.draw(self._number, longest_side, part)
