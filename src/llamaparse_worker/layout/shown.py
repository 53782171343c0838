"""Which characters of a page belong to what it shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llamaparse_worker.model.page import RawPage, Trait

Flags = npt.NDArray[np.bool_]


def shown(page: RawPage, boxes: npt.NDArray[np.float32], visible: Flags) -> Flags:
    """Tell for each character whether it is ink that stands on the page, or runs off its right edge.

    A table that is too wide for the sheet goes on beyond it; what was cropped away, such as marks for printers, does
    not belong to the page.
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
    continued: Flags = on_page | (beyond & np.isin(bottoms, (rows[:, None] + np.array([-1, 0, 1])).ravel()))
    return continued
