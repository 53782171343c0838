"""What of a page is to be read: the part within the crop box, and the kinds of text that a job does not ignore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.characters import characters_of, with_characters
from llamaparse_worker.layout.hidden import hidden_characters
from llamaparse_worker.model.characters import Trait
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import CropBox, ParseOptions
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word
from llamaparse_worker.model.value import changed

Floats = npt.NDArray[np.float32]


def selected(page: RawPage, options: ParseOptions) -> RawPage:
    """Give the page without what is not to be read; its size stays, so that boxes mean the same."""
    if page.links and not options.annotate_links:
        page = changed(page, links=())
    ignored = int(Trait.DIAGONAL if options.ignore_diagonal_text else 0)
    if options.crop_box is None and not (ignored or options.ignore_hidden_text):
        return page
    found = characters_of(page)
    kept = np.ones(len(found.codes), np.bool_)
    if ignored and page.traits:
        kept &= (np.frombuffer(page.traits, np.uint8) & np.uint8(ignored)) == 0
    if options.ignore_hidden_text and (hidden := hidden_characters(page)) is not None:
        kept &= hidden == 0
    if options.crop_box is not None:
        area = crop_area(page.width, page.height, options.crop_box)
        kept &= _within(found.boxes, area)
        page = _cropped(page, area)
    return with_characters(page, found.chosen(np.flatnonzero(kept)))


def selected_words(words: Sequence[Word], page: RawPage, options: ParseOptions) -> Sequence[Word]:
    """Give the recognised words that stand within the crop box."""
    if options.crop_box is None:
        return words
    area = crop_area(page.width, page.height, options.crop_box)
    return tuple(word for word in words if is_within(word.box, area))


def crop_area(width: float, height: float, crop: CropBox) -> Box:
    """Give the part of a page that is read, in points."""
    return Box(crop.left * width, crop.top * height, crop.right * width, crop.bottom * height)


def is_within(box: Box, area: Box) -> bool:
    """Tell whether the middle of a box lies within an area."""
    return area.x0 <= (box.x0 + box.x1) / 2 <= area.x1 and area.y0 <= (box.y0 + box.y1) / 2 <= area.y1


def _cropped(page: RawPage, area: Box) -> RawPage:
    return replace(
        page,
        image_boxes=tuple(box for box in page.image_boxes if is_within(box, area)),
        rules=_chosen(page.rules, area),
        fills=_chosen(page.fills, area),
        fields=tuple(field for field in page.fields if is_within(field.box, area)),
    )


def _chosen(boxes: bytes, area: Box) -> bytes:
    array = np.frombuffer(boxes, np.float32).reshape(-1, 4)
    return array[_within(array, area)].tobytes()


def _within(boxes: Floats, area: Box) -> npt.NDArray[np.bool_]:
    across, down = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside: npt.NDArray[np.bool_] = (across >= area.x0) & (across <= area.x1) & (down >= area.y0) & (down <= area.y1)
    return inside
