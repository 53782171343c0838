"""The characters of a page as arrays that can be chosen from and put into another order.

Where ``characters.c`` was compiled it says of most pages that they have nothing to be looked for in these arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from llamaparse_worker.compiled import load_module
from llamaparse_worker.layout.codes import Codes, codes_of
from llamaparse_worker.layout.frames import Floats, Frame
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.value import quick

Indices = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

_SAME_LINE = 0.6
VERSION = 2
"""Of ``characters.c``: what an earlier version has left is not used."""

compiled = load_module("llamaparse_worker.layout._characters", VERSION)


@quick
@dataclass(frozen=True, slots=True)
class Characters:
    """Parallel arrays; see ``RawPage``. ``places`` are indices into the page that they were taken from."""

    codes: Codes
    boxes: Floats
    places: Indices

    def chosen(self, order: Indices) -> Characters:
        """Give some of them, in this order."""
        return Characters(self.codes[order], self.boxes[order], self.places[order])


def share_line(one: Floats, other: Floats) -> Flags:
    """Tell of each pair of boxes whether both stand on one line: they share most of the height of the lower one."""
    shared = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
    heights = np.minimum(one[:, 3] - one[:, 1], other[:, 3] - other[:, 1])
    made: Flags = shared > _SAME_LINE * heights
    return made


def characters_of(page: RawPage) -> Characters:
    """View the characters of a page."""
    return Characters(
        codes_of(page.text),
        np.frombuffer(page.boxes, np.float32).reshape(-1, 4),
        np.arange(len(page.text)),
    )


def with_characters(page: RawPage, kept: Characters, frame: Frame | None = None) -> RawPage:
    """Give the page with these characters; all else that is known of each comes with it.

    With a frame, what else lies on the page is brought into it; boxes of characters lie there already.
    """
    return replace(
        page if frame is None or frame.is_page else _within(page, frame),
        text=kept.codes.astype("<u4").tobytes().decode("utf-32-le"),
        boxes=np.ascontiguousarray(kept.boxes, np.float32).tobytes(),
        sizes=_chosen(page.sizes, np.float32, kept.places),
        fonts=_chosen(page.fonts, np.uint16, kept.places),
        traits=_chosen(page.traits, np.uint8, kept.places),
        elements=_chosen(page.elements, np.int32, kept.places),
    )


def _within(page: RawPage, frame: Frame) -> RawPage:
    width, height = frame.size
    return replace(page, width=width, height=height, rules=_moved(page.rules, frame), fills=_moved(page.fills, frame))


def _moved(boxes: bytes, frame: Frame) -> bytes:
    return np.ascontiguousarray(frame.boxes(np.frombuffer(boxes, np.float32).reshape(-1, 4))).tobytes()


def _chosen(values: bytes, kind: type[np.generic], places: Indices) -> bytes:
    return np.frombuffer(values, kind)[places].tobytes() if values else b""
