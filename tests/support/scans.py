"""Images of pages, drawn here: text, ruled tables, noise; and image files of every format."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Samples = npt.NDArray[np.uint8]


def page_image(*lines: str, width: int = 1240, height: int = 1754, size: int = 32) -> Image.Image:
    """Draw lines of text in black on white."""
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    for index, line in enumerate(lines):
        draw.text((width // 10, height // 10 + index * 2 * size), line, fill=0, font=font)
    return image


def with_noise(image: Image.Image, *, share: float, spread: float = 6.0, seed: int = 1) -> Image.Image:
    """Add what a scanner adds: grain everywhere, and single dark or bright pixels."""
    random = np.random.default_rng(seed)
    pixels = np.asarray(image, np.float64) + random.normal(0.0, spread, image.size[::-1])
    specks = random.random(pixels.shape)
    pixels[specks < share / 2] = 0
    pixels[specks > 1 - share / 2] = 255
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def with_scanner_edges(image: Image.Image, thickness: int = 14) -> Image.Image:
    """Darken two sides, as a lid that does not close does, and let the light fall off toward one of them."""
    pixels = np.asarray(image, np.float64) * np.linspace(1.0, 0.82, image.width)
    pixels[:thickness] = 20
    pixels[:, -thickness:] = 20
    return Image.fromarray(pixels.astype(np.uint8))


def grid_image(
    xs: Iterable[int], ys: Iterable[int], *, width: int = 1240, height: int = 1754, thickness: int = 2
) -> Image.Image:
    """Draw a grid of lines at these places in pixels."""
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    across, down = tuple(xs), tuple(ys)
    for x in across:
        draw.line((x, down[0], x, down[-1]), fill=0, width=thickness)
    for y in down:
        draw.line((across[0], y, across[-1], y), fill=0, width=thickness)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Give an image as a file of a format that Pillow names."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def tiff(*pages: Image.Image, **options: object) -> bytes:
    """Give a TIFF of several pages."""
    return encoded(pages[0], "TIFF", save_all=True, append_images=list(pages[1:]), **options)
