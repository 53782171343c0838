"""Page images with known words, for engines that really read."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.model.recognition import Word

DPI = 200.0
WIDTH, HEIGHT = 1700, 2200
"""In pixels: a sheet of US letter."""
LINES = (
    "The harbour office opens at seven in the morning",
    "Freight is weighed before it leaves the northern gate",
    "Every driver signs the list and keeps the yellow copy",
    "Return the empty boxes on Friday before noon please",
    "Questions are answered in the building with green doors",
    "Nobody may walk across the tracks while trains move",
)

_POINTS = 72 / DPI
_FONT, _SIZE, _WEIGHT = cv2.FONT_HERSHEY_COMPLEX, 1.2, 2
_LEFT, _TOP, _LEADING, _SPACE = 150, 250, 90, 26
Samples = npt.NDArray[np.uint8]


def lettered() -> tuple[Samples, tuple[Word, ...]]:
    """Draw ``LINES`` in black on white, shape (h, w, 3); gives the words with the boxes of their ink too."""
    page = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    words: list[Word] = []
    for row, line in enumerate(LINES):
        x, base = _LEFT, _TOP + row * _LEADING
        for text in line.split():
            (width, _), _ = cv2.getTextSize(text, _FONT, _SIZE, _WEIGHT)
            only = np.full_like(page[:, :, 0], 255)
            for canvas in (page, only):
                cv2.putText(canvas, text, (x, base), _FONT, _SIZE, 0 if canvas is only else (0, 0, 0), _WEIGHT)
            rows, columns = (np.flatnonzero((only < 255).any(axis=axis)) for axis in (1, 0))  # noqa: PLR2004 - white
            box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            words.append(Word(text, Box(*(float(side) * _POINTS for side in box))))
            x += width + _SPACE
    return page, tuple(words)


def as_image(samples: Samples, dpi: float = DPI) -> PixelImage:
    """Give samples, shape (h, w, channels), as engines get them."""
    height, width, channels = samples.shape
    return PixelImage(width, height, channels, memoryview(np.ascontiguousarray(samples).tobytes()), dpi)


def blank() -> PixelImage:
    """Give a white page."""
    return as_image(np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
