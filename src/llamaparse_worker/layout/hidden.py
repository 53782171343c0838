"""Text that a page holds and nobody who looks at it sees: what may speak to a program behind a reader's back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.characters import characters_of, compiled, with_characters
from llamaparse_worker.layout.quality import is_scan
from llamaparse_worker.layout.shown import shown
from llamaparse_worker.model.characters import Trait
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.hidden import HiddenReason, HiddenSpan, HiddenText
from llamaparse_worker.model.page import RawPage

Flags = npt.NDArray[np.bool_]

TINY_PT = 1.5
"""Font size in points up to which nobody reads a letter: its x is a quarter of a millimetre high."""
_MOST_EM = 2.0
"""Sides of a letter's box; some fonts are drawn larger than their size says."""
_SEEN = bytes(bits for bits in range(256) if not bits & (Trait.HIDDEN | Trait.UNSEEN))
"""The traits of characters that are drawn with ink that shows."""
_MOST_SPANS = 50
_MOST_CHARACTERS = 2_000
_ORDER = tuple(HiddenReason)
_SCAN_EXEMPT = 1 + _ORDER.index(HiddenReason.NO_INK)


def hidden_text(page: RawPage) -> HiddenText | None:
    """Give what the text layer holds unseen; None for nearly all pages.

    The invisible text of a scan is what its picture shows, and is not hidden.
    """
    reasons = _reasons(page)
    if reasons is None:
        return None
    visible = np.array([not character.isspace() for character in page.text], np.bool_)
    reasons[~visible] = 0
    count = int(np.count_nonzero(reasons))
    return HiddenText(count, tuple(islice(_spans(page, reasons, visible), _MOST_SPANS))) if count else None


def without_hidden(page: RawPage) -> RawPage:
    """Give the page without the characters of its hidden text."""
    reasons = _reasons(page)
    return page if reasons is None else with_characters(page, characters_of(page).chosen(np.flatnonzero(reasons == 0)))


def _reasons(page: RawPage) -> npt.NDArray[np.uint8] | None:
    reasons = hidden_characters(page)
    if reasons is not None and is_scan(page):
        reasons[reasons == _SCAN_EXEMPT] = 0
    return reasons


def hidden_characters(page: RawPage) -> npt.NDArray[np.uint8] | None:
    """Give for each character 0, or from 1 on the place of its reason in ``HiddenReason``; None where all are seen."""
    inkless = page.traits and page.traits.translate(None, _SEEN)
    if not inkless and compiled is not None and compiled.are_ordinary(page.sizes, page.boxes, TINY_PT, page.width):
        return None  # as on most pages
    sizes = np.frombuffer(page.sizes, np.float32)
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    small = len(sizes) > 0 and sizes.min() <= TINY_PT
    beyond = len(boxes) > 0 and boxes[:, 0].max() >= page.width
    if not (inkless or small or beyond):
        return None
    found = np.zeros(len(sizes), np.uint8)
    if beyond:
        on_it = shown(page, boxes, boxes[:, 2] > boxes[:, 0])
        found[on_it & (boxes[:, 0] >= page.width)] = 1 + _ORDER.index(HiddenReason.OFF_PAGE)
    if small:
        sides = np.maximum(boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0])
        found[(sizes <= TINY_PT) & (sides <= _MOST_EM * TINY_PT)] = 1 + _ORDER.index(HiddenReason.TINY)
    if inkless:
        traits = np.frombuffer(page.traits, np.uint8)
        found[(traits & np.uint8(Trait.UNSEEN)) != 0] = 1 + _ORDER.index(HiddenReason.UNSEEN)
        found[(traits & np.uint8(Trait.HIDDEN)) != 0] = 1 + _ORDER.index(HiddenReason.NO_INK)
    return found if found.any() else None


def _spans(page: RawPage, reasons: npt.NDArray[np.uint8], visible: Flags) -> Iterator[HiddenSpan]:
    """Give runs of characters that follow each other in the file with one reason, up to a limit."""
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    ink = np.flatnonzero(visible)
    changes = np.flatnonzero(np.diff(reasons[ink], prepend=np.uint8(0), append=np.uint8(0)))
    left = _MOST_CHARACTERS
    for start, end in pairwise(changes.tolist()):
        reason = int(reasons[ink[start]])
        if not reason:
            continue
        text = " ".join(page.text[ink[start] : ink[end - 1] + 1].split())[:left]
        sides = boxes[ink[start:end]]
        low, high = sides.min(axis=0), sides.max(axis=0)
        box = Box(*(round(float(side), 2) for side in (low[0], low[1], high[2], high[3])))
        yield HiddenSpan(text, _ORDER[reason - 1], box)
        left -= len(text)
        if left <= 0:
            return
