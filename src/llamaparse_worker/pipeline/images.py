"""Saves the images that a job asks for beside its pages, each content once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil, floor
from pathlib import Path
from typing import TypeVar

import numpy as np

from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.interfaces import Drawn, Illustrated, OpenDocument
from llamaparse_worker.layout.figure_regions import blocks_of, figure_regions
from llamaparse_worker.layout.selection import crop_area, is_within
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.images import EmbeddedImage, PageImage, PixelImage
from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.pipeline.png import png

P = TypeVar("P", RawPage, LaidOutPage)

FOLDER = "images"

_PAPER = 255
_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """How many images of a kind a page may give, and the resolution in which pages and figures are drawn."""

    per_page: int
    screenshot_dpi: float


def with_images(
    page: P,
    read: RawPage | LaidOutPage,
    pages: OpenDocument,
    options: ParseOptions,
    folder: Path,
    limits: ImageLimits,
) -> P:
    """Save the images of a page below ``folder``; gives the page with their names.

    ``read`` is the page as it was before its text was laid out: where its characters are tells figures from text.
    """
    if not options.images_to_save or not isinstance(pages, Illustrated):
        return page
    (folder / FOLDER).mkdir(exist_ok=True)
    whole: list[PageImage] = []
    found: list[PageImage] = []
    left_out = 0
    if ImageKind.EMBEDDED in options.images_to_save:
        wanted = _wanted(pages.images(page.number), page, options)
        found.extend(_saved(image, folder) for image in islice(wanted, limits.per_page))
        left_out = sum(1 for _ in wanted)
    regions, more = _regions(page, read, pages, options, limits)
    with_whole = ImageKind.SCREENSHOT in options.images_to_save
    if with_whole or regions:
        with pages.screenshot(page.number, dpi=limits.screenshot_dpi) as drawn:
            if with_whole:
                whole.append(_screenshot(page, drawn, folder))
            found.extend(_figures(regions, page, drawn, folder))
    return replace(page, images=(*whole, *found), images_left_out=left_out + more)


def image_files(folder: Path, images: Iterable[PageImage]) -> tuple[ResultFile, ...]:
    """Give the files of all images, each once, by name."""
    names = sorted({image.name for image in images})
    return tuple(ResultFile(name, (folder / name).stat().st_size, _TYPES[Path(name).suffix]) for name in names)


def _wanted(
    images: Iterable[EmbeddedImage], page: RawPage | LaidOutPage, options: ParseOptions
) -> Iterator[EmbeddedImage]:
    return (image for image in images if _is_wanted(image.box, page, options))


def _is_wanted(box: Box, page: RawPage | LaidOutPage, options: ParseOptions) -> bool:
    return options.crop_box is None or is_within(box, crop_area(page.width, page.height, options.crop_box))


def _saved(image: EmbeddedImage, folder: Path) -> PageImage:
    encoded = image.jpeg or png(image.samples, image.width, image.height, image.channels)
    name = _store(encoded, ".jpg" if image.jpeg else ".png", folder)
    return PageImage(name, ImageKind.EMBEDDED, image.box, image.width, image.height, _TYPES[Path(name).suffix])


def _regions(
    page: RawPage | LaidOutPage,
    read: RawPage | LaidOutPage,
    pages: Illustrated,
    options: ParseOptions,
    limits: ImageLimits,
) -> tuple[tuple[Box, ...], int]:
    """Give the figures that are to be saved, and how many others there are.

    Of too many the largest are saved, and none of a page that takes too long to draw: its text is worth more.
    """
    if ImageKind.LAYOUT not in options.images_to_save or not isinstance(pages, Drawn) or isinstance(read, LaidOutPage):
        return (), 0
    blocks = blocks_of(page) if isinstance(page, LaidOutPage) else ()
    shapes = pages.shapes(page.number)
    found = [box for box in figure_regions(read, shapes, blocks) if _is_wanted(box, page, options)]
    most = 0 if shapes.is_costly else limits.per_page
    largest = sorted(found, key=lambda box: box.width * box.height, reverse=True)[:most]
    return tuple(box for box in found if box in largest), len(found) - len(largest)


def _figures(boxes: Iterable[Box], page: RawPage | LaidOutPage, drawn: PixelImage, folder: Path) -> Iterator[PageImage]:
    """Save parts of a drawn page, counted from 1; one that shows nothing but paper is no figure."""
    pixels = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.width, drawn.channels)
    across, down = drawn.width / page.width, drawn.height / page.height
    index = 0
    for box in boxes:
        part = pixels[floor(box.y0 * down) : ceil(box.y1 * down), floor(box.x0 * across) : ceil(box.x1 * across)]
        if part.size == 0 or part.min() == _PAPER:
            continue
        index += 1
        height, width, channels = part.shape
        name = f"{FOLDER}/page_{page.number}_figure_{index}.png"
        _write(folder / name, png(part.tobytes(), width, height, channels))
        yield PageImage(name, ImageKind.LAYOUT, box, width, height, _TYPES[".png"])


def _screenshot(page: RawPage | LaidOutPage, drawn: PixelImage, folder: Path) -> PageImage:
    name = f"{FOLDER}/page_{page.number}.png"
    _write(folder / name, png(drawn.samples, drawn.width, drawn.height, drawn.channels))
    box = Box(0, 0, page.width, page.height)
    return PageImage(name, ImageKind.SCREENSHOT, box, drawn.width, drawn.height, _TYPES[".png"])


def _store(encoded: bytes, suffix: str, folder: Path) -> str:
    """Store a content under a name made of it: the same image on many pages, read by many processes, is one file."""
    name = f"{FOLDER}/{hashlib.sha256(encoded).hexdigest()[:20]}{suffix}"
    if not (folder / name).exists():
        _write(folder / name, encoded)
    return name


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise PageUnreadable(f"an image cannot be saved: {error.strerror}") from error
