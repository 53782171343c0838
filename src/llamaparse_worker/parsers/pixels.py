"""Page images between processes: sealed memory files, which nobody can change or cut off while they are read."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from typing import Protocol

from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.parsers.protocol import BrokenProtocol

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class Announced(Protocol):
    """The measures of an image that comes as a descriptor."""

    @property
    def width(self) -> int: ...  # noqa: D102 - as ``PixelImage`` has it
    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def channels(self) -> int: ...  # noqa: D102
    @property
    def dpi(self) -> float: ...  # noqa: D102


def seal(samples: memoryview) -> int:
    """Copy samples into a new sealed memory file and give its descriptor, which the caller closes."""
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = samples.cast("B")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def image_bytes(event: Announced) -> int:
    """Give the size of the samples that are announced."""
    return event.width * event.height * event.channels


class SealedImage:
    """The pixels of a page, mapped from a sealed memory file until ``close``.

    Raises:
        BrokenProtocol: the file is not sealed, or has not the size that the event announces.
    """

    def __init__(self, event: Announced, descriptor: int) -> None:
        self.size = image_bytes(event)
        """Bytes of the samples."""
        if event.width < 1 or event.height < 1 or event.channels not in {1, 3}:
            raise BrokenProtocol("an image without pixels or with unknown channels")
        _check(descriptor, self.size)
        self._map = mmap.mmap(descriptor, self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        self._samples = memoryview(self._map)
        self.image = PixelImage(event.width, event.height, event.channels, self._samples, event.dpi)

    def close(self) -> None:
        """Unmap the pixels. Safe to repeat."""
        # A view of the samples that the reader still holds keeps the map: it goes with that view.
        with contextlib.suppress(BufferError):
            self._samples.release()
            self._map.close()


def _check(descriptor: int, size: int) -> None:
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError:
        raise BrokenProtocol("an image that is no memory file") from None
    if seals & _SEALS != _SEALS:
        raise BrokenProtocol("an image that could change while it is read")
    if os.fstat(descriptor).st_size != size:
        raise BrokenProtocol("an image of another size than its event says")
