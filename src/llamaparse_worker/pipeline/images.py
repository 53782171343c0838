"""Saves the images that a job asks for beside its pages, each content once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.interfaces import Illustrated, OpenDocument
from llamaparse_worker.layout.selection import crop_area, is_within
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ImageKind, ParseOptions
from llamaparse_worker.model.page import EmbeddedImage, LaidOutPage, PageImage, RawPage
from llamaparse_worker.pipeline.png import png

FOLDER = "images"

_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """How many embedded images a page may give, and the resolution of screenshots."""

    per_page: int
    screenshot_dpi: float


def with_images(
    page: RawPage | LaidOutPage, pages: OpenDocument, options: ParseOptions, folder: Path, limits: ImageLimits
) -> RawPage | LaidOutPage:
    """Save the images of a page below ``folder``; gives the page with their names."""
    if not options.images_to_save or not isinstance(pages, Illustrated):
        return page
    (folder / FOLDER).mkdir(exist_ok=True)
    found: list[PageImage] = []
    left_out = 0
    if ImageKind.SCREENSHOT in options.images_to_save:
        found.append(_screenshot(page, pages, folder, limits))
    if ImageKind.EMBEDDED in options.images_to_save:
        wanted = _wanted(pages.images(page.number), page, options)
        found.extend(_saved(image, folder) for image in islice(wanted, limits.per_page))
        left_out = sum(1 for _ in wanted)
    return replace(page, images=tuple(found), images_left_out=left_out)


def image_files(folder: Path, images: Iterable[PageImage]) -> tuple[ResultFile, ...]:
    """Give the files of all images, each once, by name."""
    names = sorted({image.name for image in images})
    return tuple(ResultFile(name, (folder / name).stat().st_size, _TYPES[Path(name).suffix]) for name in names)


def _wanted(
    images: Iterable[EmbeddedImage], page: RawPage | LaidOutPage, options: ParseOptions
) -> Iterator[EmbeddedImage]:
    area = None if options.crop_box is None else crop_area(page.width, page.height, options.crop_box)
    return (image for image in images if area is None or is_within(image.box, area))


def _saved(image: EmbeddedImage, folder: Path) -> PageImage:
    encoded = image.jpeg or png(image.samples, image.width, image.height, image.channels)
    name = _store(encoded, ".jpg" if image.jpeg else ".png", folder)
    return PageImage(name, ImageKind.EMBEDDED, image.box, image.width, image.height, _TYPES[Path(name).suffix])


def _screenshot(page: RawPage | LaidOutPage, pages: Illustrated, folder: Path, limits: ImageLimits) -> PageImage:
    with pages.screenshot(page.number, dpi=limits.screenshot_dpi) as drawn:
        encoded = png(drawn.samples, drawn.width, drawn.height, drawn.channels)
        width, height = drawn.width, drawn.height
    name = f"{FOLDER}/page_{page.number}.png"
    _write(folder / name, encoded)
    return PageImage(name, ImageKind.SCREENSHOT, Box(0, 0, page.width, page.height), width, height, _TYPES[".png"])


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
