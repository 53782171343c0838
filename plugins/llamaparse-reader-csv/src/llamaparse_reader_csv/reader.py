"""CSV files as pages of tables."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePath
from typing import BinaryIO

from llamaparse_worker.errors import CorruptDocument, EmptyDocument, PageUnreadable, TooManyPages
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.page import LaidOutPage

ROWS_PER_PAGE = 200

_SUFFIXES = frozenset({".csv", ".tsv"})
_DELIMITERS = ",;\t|"
_WIDTH, _HEIGHT = 842.0, 595.0

Row = tuple[str, ...]


class CsvReader:
    """Reads delimited text; CSV has no signature, so the name decides and control bytes speak against it."""

    @property
    def name(self) -> str:
        """The name of this reader."""
        return "csv"

    def accepts(self, head: bytes, file_name: str) -> bool:
        """Accept ``.csv`` and ``.tsv`` without control bytes."""
        return PurePath(file_name).suffix.lower() in _SUFFIXES and b"\x00" not in head

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[CsvDocument]:
        """Open a CSV file; see ``Reader.open`` for what it raises."""
        rows = _rows(_decoded(file.read()))
        if not rows:
            raise EmptyDocument("The file holds no rows.")
        document = CsvDocument(rows)
        if document.page_count > limits.max_pages:
            raise TooManyPages(f"The document has {document.page_count} pages; {limits.max_pages} are allowed.")
        yield document


class CsvDocument:
    """The rows of a file, cut into pages; each page repeats the header."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._header = rows[0]
        body = rows[1:]
        self._pages = [body[start : start + ROWS_PER_PAGE] for start in range(0, len(body), ROWS_PER_PAGE)] or [body]

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return len(self._pages)

    def read(self, number: int) -> LaidOutPage:
        """Give one page: a table."""
        rows = (self._header, *self._pages[number - 1])
        return LaidOutPage(
            number=number,
            width=_WIDTH,
            height=_HEIGHT,
            rotation=0,
            blocks=(Table(rows, Box(0.0, 0.0, _WIDTH, _HEIGHT)),),
            text="\n".join("\t".join(row) for row in rows),
            engine="csv",
        )

    def render(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        """Refuse: a table of values has no pixels. Raises ``PageUnreadable``."""
        raise PageUnreadable(f"Page {number} of a CSV file has no image at {dpi:g} dpi.")


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\x00", "\ufffd")


def _rows(text: str) -> list[Row]:
    """Split into rows of equal length; rows without any value are left out."""
    try:
        read = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        rows = [row for row in read if any(map(str.strip, row))]
    except csv.Error as error:
        raise CorruptDocument(f"The CSV file cannot be read: {error}.") from error
    width = max(map(len, rows), default=0)
    return [tuple(" ".join(cell.split()) for cell in [*row, *[""] * (width - len(row))]) for row in rows]


def _delimiter(text: str) -> str:
    """Give the delimiter that the first line with any holds most often."""
    for line in text.splitlines():
        if found := Counter(character for character in line if character in _DELIMITERS):
            return found.most_common(1)[0][0]
    return ","
