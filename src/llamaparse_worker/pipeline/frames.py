"""Frames: how finished pages lie one after the other in a file. They are found without a look into any page.

A frame is three numbers (32 bits each, little-endian): of the page, and the lengths of the two parts that follow, a
small index entry and the page. A process may be killed while it writes: a last frame that is cut short does not count.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_FRAME_BYTES = 256 * 1024 * 1024

_HEAD = struct.Struct("<III")


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a page lies in its file, in bytes from the start."""

    number: int
    """Of the page."""
    start: int
    entry_size: int
    page_size: int

    @property
    def entry_at(self) -> int:
        """Where the index entry begins."""
        return self.start + _HEAD.size

    @property
    def page_at(self) -> int:
        """Where the page begins."""
        return self.entry_at + self.entry_size

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.page_at + self.page_size


def framed(number: int, entry: bytes, page: bytes) -> bytes:
    """Give the bytes of a frame, which are at most ``MAX_FRAME_BYTES`` without its numbers."""
    return _HEAD.pack(number, len(entry), len(page)) + entry + page


def whole_frames(file: BinaryIO, start: int = 0) -> Iterator[Frame]:
    """Give the whole frames from ``start`` on, where one begins; ends at what can be none."""
    end = file.seek(0, io.SEEK_END)
    while start + _HEAD.size <= end:
        file.seek(start)
        number, entry_size, page_size = _HEAD.unpack(file.read(_HEAD.size))
        frame = Frame(number, start, entry_size, page_size)
        if frame.end > end or frame.end - frame.entry_at > MAX_FRAME_BYTES:
            return
        yield frame
        start = frame.end


def pages_in(blobs: Sequence[str]) -> frozenset[int]:
    """Give the numbers of the pages that stand whole in files; one may never have been begun."""
    found: set[int] = set()
    for path in map(Path, blobs):
        if path.exists():
            with path.open("rb") as file:
                found.update(frame.number for frame in whole_frames(file))
    return frozenset(found)
