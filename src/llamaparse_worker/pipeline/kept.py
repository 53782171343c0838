"""Finished pages that stay in the process that has read them, for the assembly that follows there.

Most documents are read and assembled by one process. Their pages need not be encoded, written, read and validated in
between. What a process keeps dies with it: whoever asked for it reads those pages again. So nothing is kept for long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from llamaparse_worker.model.page import LaidOutPage

MOST_CHARACTERS = 1 << 18
"""A page takes some 220 bytes a character where each letter is a table cell and a word with a box: 60 MB in all."""
MOST_SECONDS = 2.0
"""What the loss of a process may cost, in time; most ranges are read in a part of it."""
_LEAST_CHARGE = 256
"""Characters that a page counts for at least."""


class KeptPages:
    """The pages of one blob that need not be written to it, as many as there is room for."""

    def __init__(self, blob: str) -> None:
        self.blob = blob
        self._pages: dict[int, LaidOutPage] = {}
        self._room = MOST_CHARACTERS
        self._until = time.monotonic() + MOST_SECONDS

    @property
    def pages(self) -> Mapping[int, LaidOutPage]:
        """The pages by number."""
        return self._pages

    def keep(self, page: LaidOutPage) -> bool:
        """Keep a page if there is room; tells whether there was.

        Raises:
            UnicodeEncodeError: its text can be written to no file.
        """
        page.text.encode()
        charge = max(_LEAST_CHARGE, len(page.text))
        if charge > self._room:
            return False
        self._room -= charge
        self._pages[page.number] = page
        return True

    def outlived(self) -> Iterable[LaidOutPage]:
        """Give and forget the pages once they have been kept for too long; from then on there is no room for any."""
        if time.monotonic() < self._until:
            return ()
        self._room = 0
        pages, self._pages = self._pages, {}
        return pages.values()
