"""Text that lies over other text, apart from it.

A table that is wider than its column, or a box that slides over its neighbour, puts words of two contents on one place.
No cut by white space can part them then, but the order of the file does: each content is written without a break.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.segments import Segment

Pairs = npt.NDArray[np.intp]

_SHRINK = 0.3
"""Of the height, at top and bottom: boxes of close lines overlap a little."""
_LEAST_EM = 0.5
_LEAST_PAIRS = 3
_MOST_SEGMENTS = 2_000
"""More are not compared one with another."""


def layers(found: Sequence[Segment]) -> list[list[Segment]]:
    """Give the segments, which come in the order of the file, in as few layers as hold nothing that overlaps."""
    pairs = _overlapping(found)
    if len(pairs) < _LEAST_PAIRS:
        return [list(found)]
    beneath: dict[int, list[int]] = {}
    for first, second in pairs.tolist():
        beneath.setdefault(second, []).append(first)
    layer_of: list[int] = []
    current = 0
    for index in range(len(found)):
        taken = {layer_of[other] for other in beneath.get(index, ())}
        while current in taken:
            current += 1
        layer_of.append(current)
    return [[one for one, at in zip(found, layer_of, strict=True) if at == layer] for layer in range(current + 1)]


def _overlapping(found: Sequence[Segment]) -> Pairs:
    """Give pairs of places, the earlier one first, of segments that lie over one another."""
    if len(found) > _MOST_SEGMENTS:
        return np.empty((0, 2), np.intp)
    sides = np.array([(one.x0, one.y0, one.x1, one.y1, one.size) for one in found], np.float32).reshape(-1, 5)
    height = (sides[:, 3] - sides[:, 1]) * _SHRINK
    order = np.argsort(sides[:, 1] + height, kind="stable")
    x0, y0, x1, y1, size = (sides[order, side] for side in range(5))
    top, bottom = y0 + height[order], y1 - height[order]
    # Only what begins above the end of a segment can overlap it: in order of tops those are a short run behind it.
    last = np.searchsorted(top, bottom)
    counts = np.maximum(last - np.arange(len(order)) - 1, 0)
    one = np.repeat(np.arange(len(order)), counts)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
    shared = np.minimum(x1[one], x1[other]) - np.maximum(x0[one], x0[other])
    over = shared > _LEAST_EM * np.minimum(size[one], size[other])
    return np.sort(np.stack([order[one[over]], order[other[over]]], axis=1), axis=1)
