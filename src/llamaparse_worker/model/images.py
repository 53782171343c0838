"""Images: as a page embeds them, as pixels to be read, as they are saved, and where they belong in the text."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ImageKind


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """An image of a page: a stored JPEG, or else rows of 8-bit samples from the top left."""

    box: Box
    width: int
    height: int
    """In pixels."""
    jpeg: bytes = b""
    samples: bytes = b""
    channels: int = 3
    """1 grey, 3 RGB."""


@dataclass(frozen=True, slots=True)
class PixelImage:
    """A decoded page image: rows of 8-bit samples from the top left, without padding."""

    width: int
    height: int
    channels: int
    """1 grey, 3 RGB."""
    samples: memoryview
    """``width * height * channels`` bytes; valid only until the call that received it returns."""
    dpi: float


@dataclass(frozen=True, slots=True)
class PageImage:
    """An image that has been saved with the result."""

    name: str
    """Relative to the result, such as ``images/page_1.png``."""
    kind: ImageKind
    box: Box
    width: int
    height: int
    content_type: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A saved image where it belongs in the text."""

    name: str
    box: Box
    before: int
    """Index of the block that it stands before; the number of blocks for one at the end."""
    caption: str = ""
