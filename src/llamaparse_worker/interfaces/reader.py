"""Readers of document formats, and what an open document may offer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable

from llamaparse_worker.model.forms import FormField
from llamaparse_worker.model.images import EmbeddedImage, PixelImage
from llamaparse_worker.model.page import LaidOutPage, PageLink, RawPage, Remark
from llamaparse_worker.model.shapes import Shapes


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What a reader must refuse."""

    max_pages: int
    max_pixels: int


class OpenDocument(Protocol):
    """A document that a reader holds open. One thread, one document at a time."""

    @property
    def page_count(self) -> int:
        """Number of pages, at least 1."""
        ...

    def read(self, number: int) -> RawPage | LaidOutPage:
        """Read one page, from 1. A reader that knows the structure gives the page laid out.

        Raises:
            PageUnreadable: this page is damaged; others may be fine.
        """
        ...

    def render(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        """Draw one page; the samples live until the context is left. The image is clamped to ``max_pixels``."""
        ...


@runtime_checkable
class Illustrated(Protocol):
    """An open document that gives its images too; a reader without any need not have this."""

    def images(self, number: int) -> Iterator[EmbeddedImage]:
        """Give the images of one page in drawing order, each decoded when it is asked for."""
        ...

    def screenshot(self, number: int, *, dpi: float) -> AbstractContextManager[PixelImage]:
        """Draw one page in colour, as ``OpenDocument.render`` does in grey."""
        ...


@runtime_checkable
class Drawn(Illustrated, Protocol):
    """An illustrated document that also tells what its pages are drawn with, so that figures are found on them."""

    def shapes(self, number: int) -> Shapes:
        """Give what one page is drawn with beside its text; bounded, however much that is."""
        ...


@runtime_checkable
class Fillable(Protocol):
    """An open document that may have forms; a reader without any need not have this."""

    def fields(self, number: int) -> Iterator[FormField]:
        """Give the fields of one page, empty ones too."""
        ...


@runtime_checkable
class Linked(Protocol):
    """An open document whose pages may have links; a reader without any need not have this."""

    def links(self, number: int) -> Iterator[PageLink]:
        """Give the links of one page that lead to an address or to a page."""
        ...


@runtime_checkable
class Annotated(Protocol):
    """An open document that its readers may have remarked on; a reader without any need not have this."""

    def remarks(self, number: int) -> Iterator[Remark]:
        """Give the comments and marked text on one page."""
        ...


class Reader(Protocol):
    """Knows one family of formats. Has no state between documents."""

    @property
    def name(self) -> str:
        """The name under which settings, manifest and metrics know it."""
        ...

    def accepts(self, head: bytes, file_name: str) -> bool:
        """Judge by the first 4096 bytes, and by the name only where content cannot tell."""
        ...

    def open(self, file: BinaryIO, limits: ReaderLimits) -> AbstractContextManager[OpenDocument]:
        """Open a seekable file.

        Raises:
            EncryptedDocument: a password is needed.
            CorruptDocument: it cannot be opened.
            TooManyPages: it has more pages than the limit.
            EmptyDocument: it has no pages.
        """
        ...
