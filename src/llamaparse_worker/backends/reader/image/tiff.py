"""The chain of images in a TIFF (TIFF 6.0, section 2, and BigTIFF), found once: each image is then opened as the first.

Decoders walk the chain from its start for every image, and count it each time: a file of a few megabytes can hold
enough images to keep one busy for hours.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

from llamaparse_worker.errors import CorruptDocument

Writable = bytearray | mmap.mmap

_BIG = 43


@dataclass(frozen=True, slots=True)
class Tiff:
    """A TIFF in memory that may be written to, and where its images are described."""

    content: Writable
    offsets: tuple[int, ...]
    layout: _Layout

    def show(self, index: int) -> None:
        """Let an image be the first and only one of the file, until the next call."""
        offset = self.offsets[index]
        struct.pack_into(self.layout.offset, self.content, self.layout.first, offset)
        struct.pack_into(self.layout.offset, self.content, self.layout.next_at(self.content, offset), 0)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes and formats of the two kinds of TIFF."""

    offset: str
    count: str
    first: int
    """Where the file says where its first image is described."""
    entry_size: int

    def next_at(self, content: Writable, offset: int) -> int:
        """Give where a description says where the next one is."""
        (count,) = struct.unpack_from(self.count, content, offset)
        return int(offset + struct.calcsize(self.count) + count * self.entry_size)


def open_tiff(content: Writable, most: int) -> Tiff:
    """Find the images, up to one more than ``most``.

    Raises:
        CorruptDocument: there is none.
        struct.error: the chain leaves the file.
    """
    order = "<" if content[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", content, 2)
    is_big = version == _BIG
    layout = _Layout(f"{order}Q", f"{order}Q", 8, 20) if is_big else _Layout(f"{order}I", f"{order}H", 4, 12)
    found: dict[int, None] = {}
    (offset,) = struct.unpack_from(layout.offset, content, layout.first)
    while 0 < offset < len(content) and offset not in found and len(found) <= most:
        found[offset] = None
        (offset,) = struct.unpack_from(layout.offset, content, layout.next_at(content, offset))
    if not found:
        raise CorruptDocument("The image (TIFF) is damaged: it says of no image where it is.")
    return Tiff(content, tuple(found), layout)
