"""Text that a PDF page draws without a trace: in the colour of what it stands on, or beneath an image.

Suspicion is cheap and comes first: the colour of a text object is near that of paper or of the rectangle behind it, or
an image is drawn over it later. Proof costs two drawings, so that few pages need it: with the suspects and without
them. What changes nothing is not seen, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
import numpy.typing as npt

from llamaparse_worker.backends.reader.pdf.compiled import COLOURS
from llamaparse_worker.backends.reader.pdf.glyphs import Floats, Glyphs
from llamaparse_worker.backends.reader.pdf.objects import PageObjects
from llamaparse_worker.backends.reader.pdf.pdfium import library
from llamaparse_worker.backends.reader.pdf.placed import PlacedImage
from llamaparse_worker.backends.reader.pdf.rules import Drawn
from llamaparse_worker.backends.reader.pdf.view import View
from llamaparse_worker.errors import PageUnreadable
from llamaparse_worker.model.characters import Trait

Draw = Callable[[float], tuple[npt.NDArray[np.uint8], float]]
"""Draws the page in colour at a resolution, and gives the samples with the resolution that was used."""

_POINTS_PER_INCH = 72
_PAPER = 0xFFFFFFFF
_NONE: frozenset[int] = frozenset()
_NEAR = 16
"""Steps of 256 in each colour that nobody tells apart in letters."""
_FAINTEST_ALPHA = 16
_MOST_COLOURS = 64
"""Different colours of rectangles that are compared; with more, text of any colour is looked at."""
_MOST_PAIRS = 2_000_000
"""Pairs of text objects and rectangles that are compared; with more, all the objects are suspects."""
_DPI, _LEAST_DPI = 72.0, 36.0
_MOST_PIXELS = 16_000_000
"""Of a drawing; where that gives less than ``_LEAST_DPI``, above eight square metres, nothing can be proved."""
_LEAST_INK = 0.01
"""Share of its box that text must change to be seen; a row of dots is four times as much."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """Text objects that draw characters: handle, index of the colour, and bounds in user space."""

    handles: npt.NDArray[np.uint64]
    colours: npt.NDArray[np.uint8]
    boxes: Floats

    def chosen(self, flags: npt.NDArray[np.bool_]) -> _Runs:
        return _Runs(self.handles[flags], self.colours[flags], self.boxes[flags])

    def standing_in(self, boxes: Floats) -> npt.NDArray[np.bool_]:
        """Tell for each object and each box of left, top, right, bottom whether the object's middle lies within it."""
        across = (self.boxes[:, 0, None] + self.boxes[:, 2, None]) / 2
        up = (self.boxes[:, 1, None] + self.boxes[:, 3, None]) / 2
        inside: npt.NDArray[np.bool_] = (
            (across >= boxes[:, 0]) & (across <= boxes[:, 2]) & (up <= boxes[:, 1]) & (up >= boxes[:, 3])
        )
        return inside


def unseen(
    glyphs: Glyphs, objects: PageObjects, lines: Drawn, images: Sequence[PlacedImage], view: View, draw: Draw
) -> npt.NDArray[np.uint8] | None:
    """Mark the characters that are drawn without a trace; None for a page without any.

    ``images`` are those that text may lie beneath: none on a scan, whose text lies there for good reason.
    """
    alike = _colours_alike(glyphs.colour_table, frozenset(lines.colours.tolist()) if len(lines.colours) else _NONE)
    if objects.is_full or not (alike or images):
        return None
    runs = _runs(glyphs)
    suspects = runs.chosen(
        _like_their_ground(runs, alike, lines, glyphs.colour_table) | _beneath(runs, images, objects)
    )
    dpi = min(_DPI, _DPI * sqrt(_MOST_PIXELS / max(1.0, view.width * view.height)))
    if not len(suspects.handles) or dpi < _LEAST_DPI:
        return None
    try:
        found = suspects.chosen(_traceless(suspects, view, draw, dpi))
    except PageUnreadable:  # it cannot be drawn, but read
        return None
    marks: npt.NDArray[np.uint8] = np.where(np.isin(glyphs.objects, found.handles), np.uint8(Trait.UNSEEN), np.uint8(0))
    return marks if len(found.handles) else None


@lru_cache(maxsize=256)  # the pages of a document mostly have the same few colours
def _colours_alike(table: Sequence[int], grounds: Collection[int]) -> frozenset[int]:
    """Give the places of colours that text may disappear in: those near paper or near any rectangle."""
    if len(grounds) > _MOST_COLOURS:
        return frozenset(range(len(table)))
    return frozenset(
        place
        for place, colour in enumerate(table)
        if place == COLOURS - 1 or any(_is_near(colour, ground) for ground in (_PAPER, *grounds))
    )


def _is_near(colour: int, ground: int) -> bool:
    return (colour & 0xFF) <= _FAINTEST_ALPHA or all(
        abs((colour >> shift & 0xFF) - (ground >> shift & 0xFF)) <= _NEAR for shift in (24, 16, 8)
    )


def _runs(glyphs: Glyphs) -> _Runs:
    kept = np.flatnonzero((glyphs.objects != 0) & ((glyphs.traits & np.uint8(Trait.HIDDEN)) == 0))
    handles, boxes = glyphs.objects[kept], glyphs.boxes[kept]
    starts = np.flatnonzero(np.diff(handles, prepend=np.uint64(0)))
    if not len(starts):
        return _Runs(handles, glyphs.colours[kept], boxes)
    low, high = np.minimum.reduceat(boxes, starts), np.maximum.reduceat(boxes, starts)
    bounds = np.stack([low[:, 0], high[:, 1], high[:, 2], low[:, 3]], axis=1)
    return _Runs(handles[starts], glyphs.colours[kept[starts]], bounds)


def _like_their_ground(
    runs: _Runs, alike: Collection[int], lines: Drawn, table: Sequence[int]
) -> npt.NDArray[np.bool_]:
    """Tell which objects have the colour of the uppermost rectangle that they stand in, or of paper."""
    like = np.isin(runs.colours, np.fromiter(alike, np.uint8, len(alike)))
    places = np.flatnonzero(like)
    if not len(places) or len(places) * len(lines.fills) > _MOST_PAIRS:
        return like
    grounds = np.full(len(places), _PAPER, np.uint32)
    if len(lines.fills):
        inside = runs.chosen(like).standing_in(lines.fills)[:, ::-1]
        uppermost = len(lines.fills) - 1 - inside.argmax(axis=1)
        grounds = np.where(inside.any(axis=1), lines.colours[uppermost], grounds)
    for place, ground in zip(places.tolist(), grounds.tolist(), strict=True):
        colour = runs.colours[place]
        like[place] = colour == COLOURS - 1 or _is_near(table[colour], ground)
    return like


def _beneath(runs: _Runs, images: Sequence[PlacedImage], objects: PageObjects) -> npt.NDArray[np.bool_]:
    """Tell which objects stand where an image is drawn later; where the order is not known, it may be so."""
    beneath = np.zeros(len(runs.handles), np.bool_)
    if not images or len(runs.handles) * len(images) > _MOST_PAIRS:
        return beneath
    pairs = np.argwhere(runs.standing_in(np.array([image.bounds for image in images], np.float32)))
    if not len(pairs):
        return beneath
    order = {handle: place for place, handle in enumerate(objects.handles.tolist())}
    for run, image in pairs.tolist():
        later = order.get(images[image].handle, len(order))
        beneath[run] |= order.get(int(runs.handles[run]), -1) < later
    return beneath


def _traceless(suspects: _Runs, view: View, draw: Draw, wanted_dpi: float) -> npt.NDArray[np.bool_]:
    """Tell which objects change nothing that anybody sees, by drawing the page with them and without them."""
    shown, dpi = draw(wanted_dpi)
    with _left_out(suspects.handles):
        bare, _ = draw(wanted_dpi)
    changed = (np.maximum(shown, bare) - np.minimum(shown, bare)).max(axis=2) > _NEAR
    places = np.rint(view.boxes(suspects.boxes) * (dpi / _POINTS_PER_INCH)).astype(np.intp)
    height, width = changed.shape
    found = np.zeros(len(places), np.bool_)
    for index, (x0, y0, x1, y1) in enumerate(places.clip(0, (width, height, width, height)).tolist()):
        area = changed[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
        found[index] = area.size > 0 and np.count_nonzero(area) < _LEAST_INK * area.size
    return found


@contextmanager
def _left_out(handles: npt.NDArray[np.uint64]) -> Iterator[None]:
    pdfium = library()
    for handle in handles.tolist():
        pdfium.FPDFPageObj_SetIsActive(handle, 0)
    try:
        yield
    finally:
        for handle in handles.tolist():
            pdfium.FPDFPageObj_SetIsActive(handle, 1)
