"""Which characters of a page belong to what it shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.characters import Trait
from llamaparse_worker.model.page import RawPage

Flags = npt.NDArray[np.bool_]

_LINES = 1.5
"""How far, in heights of a line, the cells of a row may go on above and below what is level with text on the page."""


def shown(page: RawPage, boxes: npt.NDArray[np.float32], visible: Flags) -> Flags:
    """Tell for each character whether it is ink that stands on the page, or runs off its right edge.

    A table that is too wide for the sheet goes on beyond it, from its first row to its last; what was cropped away,
    such as marks for printers, does not belong to the page.
    """
    level = (boxes[:, 3] > 0) & (boxes[:, 1] < page.height) & visible
    on_page = level & (boxes[:, 2] > 0) & (boxes[:, 0] < page.width)
    beyond = level & (boxes[:, 0] >= page.width)
    if not beyond.any() or not on_page.any():
        return on_page
    if page.traits:
        beyond &= (np.frombuffer(page.traits, np.uint8) & np.uint8(Trait.CROPPED)) == 0
    bottoms = np.rint(boxes[:, 3])
    rows = np.unique(bottoms[on_page])
    level_with = beyond & np.isin(bottoms, (rows[:, None] + np.array([-1, 0, 1])).ravel())
    if not level_with.any():
        return on_page
    reach = _LINES * np.median(boxes[level_with, 3] - boxes[level_with, 1])
    top, bottom = boxes[level_with, 1].min() - reach, boxes[level_with, 3].max() + reach
    continued: Flags = on_page | (beyond & (boxes[:, 1] >= top) & (boxes[:, 3] <= bottom))
    return continued
