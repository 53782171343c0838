"""Opens images. Nothing that decodes them is loaded before one comes."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from llamaparse_worker.backends.reader.image.formats import format_of
from llamaparse_worker.errors import EmptyDocument, UnsupportedFormat
from llamaparse_worker.interfaces import ReaderLimits

if TYPE_CHECKING:
    from llamaparse_worker.backends.reader.image.document import ImageDocument

_HEAD_BYTES = 4096


class ImageReader:
    """Reads images through libvips, and those that it cannot through OpenCV."""

    @property
    def name(self) -> str:
        """The name of this reader."""
        return "image"

    def accepts(self, head: bytes, file_name: str) -> bool:  # noqa: ARG002 - content alone decides
        """Accept every known image format, also those that are then refused with advice."""
        return format_of(head) is not None

    @contextmanager
    def open(self, file: BinaryIO, limits: ReaderLimits) -> Iterator[ImageDocument]:
        """Open an image; see ``Reader.open`` for what it raises, and ``UnsupportedFormat`` for what to convert."""
        with _content(file) as content:
            kind = format_of(bytes(content[:_HEAD_BYTES]))
            if kind is None:
                raise UnsupportedFormat("The file is no image of a known format.")
            if kind.advice:
                raise UnsupportedFormat(f"Images in the format {kind.name} cannot be read. {kind.advice}")
            # Workers that meet PDFs only never load the decoders, and no process is forked with them half awake.
            from llamaparse_worker.backends.reader.image.document import open_image  # noqa: PLC0415

            yield open_image(content, kind, limits)


@contextmanager
def _content(file: BinaryIO) -> Iterator[bytearray | mmap.mmap]:
    """Map the file, so that a large one does not count twice; what is no file on disk is read.

    What is written to the content stays in memory.
    """
    if not file.seek(0, io.SEEK_END):
        raise EmptyDocument("The file is empty.")
    file.seek(0)
    try:
        number = file.fileno()
    except (AttributeError, io.UnsupportedOperation):
        yield bytearray(file.read())
        return
    yield mmap.mmap(number, 0, access=mmap.ACCESS_COPY)  # closed with its last user: decoders may hold on to it
