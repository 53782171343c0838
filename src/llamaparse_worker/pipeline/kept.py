"""Finished pages that stay in the process that has read them, for the assembly that follows there.

Most documents are read and assembled by one process. Their pages need not be encoded, written, read and validated in
between. What a process keeps dies with it: whoever asked for it reads those pages again.
"""

from __future__ import annotations

from collections.abc import Mapping

from llamaparse_worker.model.page import LaidOutPage

MOST_CHARACTERS = 1 << 18
"""A page takes some 220 bytes a character where each letter is a table cell and a word with a box: 60 MB in all."""
_LEAST_CHARGE = 256
"""Characters that a page counts for at least."""


class KeptPages:
    """The pages of one blob that need not be written to it, as many as there is room for."""

    def __init__(self, blob: str) -> None:
        self.blob = blob
        self._pages: dict[int, LaidOutPage] = {}
        self._room = MOST_CHARACTERS

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
