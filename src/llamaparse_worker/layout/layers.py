"""Text that lies over other text, apart from it.

A table that is wider than its column, or a box that slides over its neighbour, puts words of two contents on one place.
No cut by white space can part them then, but the order of the file does: each content is written without a break.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, pairwise
from operator import not_

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.levels import stand_apart
from llamaparse_worker.layout.marks import with_marks_joined
from llamaparse_worker.layout.rules import Rules
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.geometry import Box, enclosing

Pairs = npt.NDArray[np.intp]

_SHRINK = 0.3
"""Of the height, at top and bottom: boxes of close lines overlap a little."""
_LEAST_EM = 0.5
_LEAST_PAIRS = 3
_AROUND_PT = 20.0
"""How far outside of its texts a line may be drawn around them."""
_MOST_SEGMENTS = 2_000
"""More are not compared one with another."""


def layers(found: Sequence[Segment]) -> list[list[Segment]]:
    """Give the segments, which come in the order of the file, in as few layers as hold nothing that overlaps.

    A mark of a list comes with its text, as programs may write all of them last.
    """
    if len(_overlapping(found)) < _LEAST_PAIRS:
        return [list(found)]
    found = with_marks_joined(found)
    pairs = _overlapping(found)
    beneath: dict[int, list[int]] = {}
    for first, second in pairs.tolist():
        beneath.setdefault(second, []).append(first)
    layer_of: list[int] = []
    current = 0
    for index in range(len(found)):
        under = beneath.get(index, ())
        taken = {layer_of[other] for other in under}
        if current in taken:
            while current in taken:
                current += 1
            begin = _beginning(found, max(under), index)
            layer_of[begin:] = [current] * (index - begin)
        layer_of.append(current)
    return [[one for one, at in zip(found, layer_of, strict=True) if at == layer] for layer in range(current + 1)]


def with_rules(found: Sequence[Sequence[Segment]], rules: Rules) -> list[tuple[Sequence[Segment], Rules]]:
    """Give each layer the lines that are drawn for it: those within the bounds of a layer, the uppermost first."""
    beneath, *over = found
    made: list[tuple[Sequence[Segment], Rules]] = []
    for layer in reversed(over):
        inner, rules = _divided(rules, enclosing(layer))
        made.append((layer, inner))
    return [(beneath, rules), *reversed(made)]


def _divided(rules: Rules, bounds: Box) -> tuple[Rules, Rules]:
    """Part the lines whose middle is within bounds from the others."""
    level = [
        bounds.x0 < (one.start + one.end) / 2 < bounds.x1 and _is_near(one.at, bounds.y0, bounds.y1)
        for one in rules.level
    ]
    upright = [
        bounds.y0 < (one.start + one.end) / 2 < bounds.y1 and _is_near(one.at, bounds.x0, bounds.x1)
        for one in rules.upright
    ]
    return (
        Rules(tuple(compress(rules.level, level)), tuple(compress(rules.upright, upright))),
        Rules(tuple(compress(rules.level, map(not_, level))), tuple(compress(rules.upright, map(not_, upright)))),
    )


def _is_near(place: float, start: float, end: float) -> bool:
    return start - _AROUND_PT < place < end + _AROUND_PT


def _beginning(found: Sequence[Segment], last: int, index: int) -> int:
    """Give where the content begins that lies over another one first at ``index``, and behind ``last``.

    A content is written downward: the next one begins where the writing goes back up the farthest.
    """
    rises = [(above.y0 - below.y1, at) for at, (above, below) in enumerate(pairwise(found[last : index + 1]), last + 1)]
    farthest, begin = max(rises)
    return begin if farthest > found[index].size else index


def _overlapping(found: Sequence[Segment]) -> Pairs:
    """Give pairs of places, the earlier one first, of segments that lie over one another."""
    if len(found) > _MOST_SEGMENTS or stand_apart(found, _SHRINK):  # as most pages do
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
