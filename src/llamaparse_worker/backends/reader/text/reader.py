"""Opens plain text: pages end at form feeds, or after so many lines."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePath
from typing import BinaryIO

from llamaparse_worker.errors import CorruptDocument, EmptyDocument, PageUnreadable, TooManyPages
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.page import LaidOutPage, PageReason

LINES_PER_PAGE = 60

_SUFFIXES = frozenset({"", ".txt", ".text", ".md", ".markdown", ".log", ".rst"})
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDTH, _HEIGHT, _MARGIN = 595.0, 842.0, 56.0
_LINE_HEIGHT = (_HEIGHT - 2 * _MARGIN) / LINES_PER_PAGE


class TextReader:
    """Reads plain text in UTF-8, UTF-16 with a byte order mark, or else Latin-1."""

    @property
    def name(self) -> str:
        """The name of this reader."""
        return "text"

    def accepts(self, head: bytes, file_name: str) -> bool:
        """Accept text without control bytes under the usual names, or under a name without a suffix."""
        if PurePath(file_name).suffix.lower() not in _SUFFIXES or head.startswith(b"%PDF-"):
            return False
        if head.startswith(tuple(mark for mark, _ in _MARKS)):
            return True
        return not any(byte < ord(" ") and byte not in b"\t\n\r\f\x1b" for byte in head)

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[TextDocument]:
        """Open a text file; see ``Reader.open`` for what it raises."""
        pages = _pages(_decoded(file.read()))
        if not any(map(str.strip, pages)):
            raise EmptyDocument("The file holds no text.")
        if len(pages) > limits.max_pages:
            raise TooManyPages(f"The document has {len(pages)} pages; {limits.max_pages} are allowed.")
        yield TextDocument(pages)


class TextDocument:
    """A text file cut into pages of A4 size; a box tells the line of a paragraph, not its width."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._pages = pages

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return len(self._pages)

    def read(self, number: int) -> LaidOutPage:
        """Give a page: paragraphs are what blank lines part."""
        text = self._pages[number - 1].strip("\n")
        return LaidOutPage(
            number=number,
            width=_WIDTH,
            height=_HEIGHT,
            rotation=0,
            blocks=tuple(_paragraphs(text)),
            text=text,
            engine="text",
            reason=None if text.strip() else PageReason.BLANK,
        )

    def render(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        """Refuse: text has no pixels. Raises ``PageUnreadable``."""
        raise PageUnreadable(f"Page {number} of a text file has no image at {dpi:g} dpi.")


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise CorruptDocument("The text is damaged: it does not follow its own byte order mark.") from None
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate({0: "\ufffd", 0x1B: " "})


def _pages(text: str) -> tuple[str, ...]:
    parts = text.removesuffix("\f").split("\f")
    return tuple(page for part in parts for page in _by_lines(part))


def _by_lines(text: str) -> Iterator[str]:
    lines = text.rstrip("\n").split("\n")
    for start in range(0, len(lines), LINES_PER_PAGE):
        yield "\n".join(lines[start : start + LINES_PER_PAGE])


def _paragraphs(text: str) -> Iterator[Paragraph]:
    begun: list[str] = []
    for index, line in enumerate([*text.split("\n"), ""]):
        if line.strip():
            begun.append(line.strip())
        elif begun:
            top, bottom = index - len(begun), index
            box = Box(_MARGIN, _MARGIN + top * _LINE_HEIGHT, _WIDTH - _MARGIN, _MARGIN + bottom * _LINE_HEIGHT)
            yield Paragraph(" ".join(begun), box)
            begun = []
