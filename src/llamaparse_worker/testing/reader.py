"""A reader of scripted documents: each line says what its page does to the parser process that reads it.

Real documents hardly ever hang or crash a parser, so that what happens to their neighbours is proved with these.
``script`` makes a document. As a plugin it is offered as ``reader = llamaparse_worker.testing.reader:ScriptedReader``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from llamaparse_worker.errors import CorruptDocument, PageUnreadable, TooManyPages
from llamaparse_worker.interfaces import ReaderLimits
from llamaparse_worker.model.blocks import Paragraph
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.page import LaidOutPage, PageReason, RawPage

TARGET = "llamaparse_worker.testing.reader:ScriptedReader"

_MAGIC = b"\x89SCRIPT\n"
_WIDTH, _HEIGHT = 595.0, 842.0


class Act(StrEnum):
    """What a page does.

    A number behind ``SLOW`` or ``BUSY`` is its time in seconds; words behind ``TEXT`` are its text.
    """

    TEXT = "text"
    BLANK = "blank"
    SCAN = "scan"
    """It has no text: it goes to OCR as pixels where there is OCR."""
    SLOW = "slow"
    BUSY = "busy"
    """It burns CPU, where ``SLOW`` sleeps."""
    CRASH = "crash"
    CRASH_ONCE = "crash-once"
    """It kills the first process that reads it, and leaves a mark beside the document for the second."""
    HANG = "hang"
    UNREADABLE = "unreadable"
    BUG = "bug"
    """It raises what a reader should not, as one that stumbles over the page's content does."""


class Opening(StrEnum):
    """What happens when the document is opened."""

    FINE = "fine"
    CRASH = "open-crash"
    CRASH_ONCE = "open-crash-once"
    HANG = "open-hang"
    CORRUPT = "open-corrupt"


def script(*pages: str, opening: Opening = Opening.FINE) -> bytes:
    """Give a document; each page is an ``Act`` with what belongs to it, such as ``"slow 0.5"``."""
    return _MAGIC + "\n".join((opening, *pages)).encode()


class ScriptedReader:
    """Does what the lines of the document say."""

    @property
    def name(self) -> str:
        """The name of this reader."""
        return "scripted"

    def accepts(self, head: bytes, file_name: str) -> bool:  # noqa: ARG002 - the content decides
        """Tell whether ``script`` made it."""
        return head.startswith(_MAGIC)

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[ScriptedDocument]:
        """Open a document, or fail as its first line says."""
        opening, *pages = file.read().removeprefix(_MAGIC).decode().split("\n")
        mark = Path(f"{file.name}.met")
        match Opening(opening):
            case Opening.CRASH:
                _die()
            case Opening.CRASH_ONCE:
                _die_once(mark)
            case Opening.HANG:
                _hang()
            case Opening.CORRUPT:
                raise CorruptDocument("The script says that it is damaged.")
            case Opening.FINE:
                pass
        if len(pages) > limits.max_pages:
            raise TooManyPages(f"The script has {len(pages)} pages; {limits.max_pages} are allowed.")
        yield ScriptedDocument(pages, mark)


class ScriptedDocument:
    """An open script."""

    def __init__(self, pages: list[str], mark: Path) -> None:
        self._pages = pages
        self._mark = mark

    @property
    def page_count(self) -> int:
        """Number of lines."""
        return len(self._pages)

    def read(self, number: int) -> RawPage | LaidOutPage:
        """Do what the line of this page says."""
        act, _, rest = self._pages[number - 1].partition(" ")
        match Act(act):
            case Act.SCAN:
                return RawPage(number, _WIDTH, _HEIGHT, 0, "", b"", b"", b"", ())
            case Act.BLANK:
                return _page(number, "")
            case Act.SLOW | Act.BUSY:
                _spend(float(rest), busy=act == Act.BUSY)
            case Act.CRASH:
                _die()
            case Act.CRASH_ONCE:
                _die_once(self._mark.with_suffix(f".met-{number}"))
            case Act.HANG:
                _hang()
            case Act.UNREADABLE:
                raise PageUnreadable(f"Page {number} is unreadable, says the script.")
            case Act.BUG:
                raise LookupError(number)
            case Act.TEXT:
                return _page(number, rest or f"Page {number} of a script.")
        return _page(number, f"Page {number} survived: {act}.")

    @contextmanager
    def render(self, number: int, *, dpi: float) -> Iterator[PixelImage]:
        """Draw a page with one mark, an inch wide; its grey is the number of the page."""
        width, height = round(_WIDTH * dpi / 72), round(_HEIGHT * dpi / 72)
        inch = round(dpi)
        bare = b"\xff" * width
        marked = b"\xff" * inch + bytes([number % 128]) * inch + b"\xff" * (width - 2 * inch)
        samples = bare * inch + marked * inch + bare * (height - 2 * inch)
        yield PixelImage(width, height, 1, memoryview(samples), dpi)


def _page(number: int, text: str) -> LaidOutPage:
    box = Box(72.0, 72.0, _WIDTH - 72.0, 90.0)
    return LaidOutPage(
        number=number,
        width=_WIDTH,
        height=_HEIGHT,
        rotation=0,
        blocks=(Paragraph(text, box),) if text else (),
        text=text,
        engine="scripted",
        reason=None if text else PageReason.BLANK,
    )


def _die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
    _hang()


def _die_once(mark: Path) -> None:
    if not mark.exists():
        mark.touch()
        _die()


def _spend(seconds: float, *, busy: bool) -> None:
    end = time.monotonic() + seconds
    while busy and time.monotonic() < end:
        pass
    time.sleep(max(0.0, end - time.monotonic()))


def _hang() -> None:
    time.sleep(3600)
