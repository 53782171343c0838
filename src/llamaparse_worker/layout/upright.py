"""Parts a page by the direction of its text and brings each part into the frame in which it reads.

What comes out reads from left to right and from top to bottom, so that nothing after this needs to know of turned
tables, of stamps in the margin, of Arabic or of Chinese set in columns. Most pages have one part and leave unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.accents import ACCENT, GRAVE, LEAST_ACCENT, with_accents_joined
from llamaparse_worker.layout.bidi import RIGHT_TO_LEFT, is_right_to_left
from llamaparse_worker.layout.characters import Characters, characters_of, with_characters
from llamaparse_worker.layout.codes import from_code, signs_from
from llamaparse_worker.layout.frames import Frame
from llamaparse_worker.layout.right_to_left import in_reading_order
from llamaparse_worker.model.characters import TURNS, Trait
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick

Traits = npt.NDArray[np.uint8]

_STACKABLE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_LEAST_STACKABLE, _LEAST_RIGHT_TO_LEFT = 0x3000, 0x0590
"""The lowest codes of such signs."""
_TELLING = re.compile("|".join(one.pattern for one in (ACCENT, _STACKABLE, RIGHT_TO_LEFT)))
_LEAST_TELLING = min(LEAST_ACCENT, _LEAST_STACKABLE, _LEAST_RIGHT_TO_LEFT)
"""Of all of these signs: a page without any of them is one part as it is, if it has a single direction."""
_LEVEL = bytes(bits for bits in range(256) if not bits & (TURNS | Trait.DIAGONAL))
"""The traits of characters that read from left to right on the page."""
_LEAST_STACKED = 6
_MOSTLY_STACKED = 3
_NARROW_GAP_EM = 0.7
_SHARED = 0.5
_STACKED_STEP = 0.5


@quick
@dataclass(frozen=True, slots=True)
class Part:
    """The characters of one direction, in their frame."""

    page: RawPage
    frame: Frame
    diagonal: bool = False


def parts(page: RawPage) -> tuple[Part, ...]:
    """Give the parts of a page, the one with most characters first, a diagonal one last; at least one."""
    telling = GRAVE in page.text or _TELLING.search(signs_from(page.text, _LEAST_TELLING))
    if not telling and not page.traits.translate(None, _LEVEL):
        return (Part(page, Frame(page.width, page.height)),)
    traits = np.frombuffer(page.traits, np.uint8) & np.uint8(TURNS | Trait.DIAGONAL)
    found = characters_of(page)
    traits = _with_stacked_turned(page, found, traits if len(traits) else np.zeros(len(found.codes), np.uint8))
    if not np.count_nonzero(traits):
        return (_part(page, found, 0, whole=True),)
    visible = traits[found.boxes[:, 2] > found.boxes[:, 0]]
    counts = np.bincount(np.minimum(visible, int(Trait.DIAGONAL)), minlength=int(Trait.DIAGONAL) + 1)
    ranked = sorted(
        np.flatnonzero(counts).tolist(), key=lambda trait: (trait >= Trait.DIAGONAL, -counts[trait], trait)
    ) or [0]
    kinds = np.minimum(traits, int(Trait.DIAGONAL))
    return tuple(
        _part(page, found.chosen(np.flatnonzero(kinds == trait)), trait, whole=rank == 0)
        for rank, trait in enumerate(ranked)
    )


def _part(page: RawPage, found: Characters, trait: int, *, whole: bool) -> Part:
    """Bring characters into their frame; the part that is the ``whole`` page so far takes its rules along."""
    diagonal = bool(trait & Trait.DIAGONAL)
    text = found.codes.astype("<u4").tobytes().decode("utf-32-le") if len(found.codes) < len(page.text) else page.text
    scripts = "" if text.isascii() else from_code(found.codes, _LEAST_RIGHT_TO_LEFT)
    against = RIGHT_TO_LEFT.search(scripts) is not None and not diagonal
    frame = Frame(page.width, page.height, 0 if diagonal else trait, mirrored=against and is_right_to_left(text))
    made = with_accents_joined(text, found)
    if frame.is_page and not against and made is found and len(found.codes) == len(page.text):
        return Part(page, frame, diagonal)
    made = Characters(made.codes, frame.boxes(made.boxes), made.places)
    if against:
        sizes = np.frombuffer(page.sizes, np.float32)[made.places].tolist()
        made = in_reading_order(made, sizes, mirrored=frame.mirrored)
    return Part(with_characters(page, made, frame if whole else None), frame, diagonal)


def _with_stacked_turned(page: RawPage, found: Characters, traits: Traits) -> Traits:
    """Let Chinese or Japanese that is set in columns read downward: its signs are upright, each below the last one."""
    if page.text.isascii() or len(_STACKABLE.findall(from_code(found.codes, _LEAST_STACKABLE))) < _LEAST_STACKED:
        return traits
    ink = np.flatnonzero((found.boxes[:, 2] > found.boxes[:, 0]) & (found.codes > ord(" ")))
    boxes = found.boxes[ink]
    before, after = boxes[:-1], boxes[1:]
    sizes = np.frombuffer(page.sizes, np.float32)[ink][1:]
    shared = np.minimum(before[:, 2:], after[:, 2:]) - np.maximum(before[:, :2], after[:, :2])
    extents = np.minimum(before[:, 2:] - before[:, :2], after[:, 2:] - after[:, :2])
    close = (-shared <= _NARROW_GAP_EM * sizes[:, None]).all(axis=1)
    beside = close & (shared[:, 1] > _SHARED * extents[:, 1])
    below = close & (shared[:, 0] > _SHARED * extents[:, 0]) & (after[:, 1] - before[:, 1] > _STACKED_STEP * sizes)
    stacked = below & ~beside
    if stacked.sum() < max(_LEAST_STACKED, _MOSTLY_STACKED * int((beside & ~below).sum())):
        return traits
    turned = traits.copy()
    chosen = np.zeros(len(ink), np.bool_)
    chosen[:-1] |= stacked
    chosen[1:] |= stacked
    turned[ink[chosen]] = Trait.DOWNWARD
    return turned
