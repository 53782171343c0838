"""A page as plain text in which everything stands where it stands on the page: columns and tables keep their shape."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from llamaparse_worker.layout.joining import whole
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.segments import Segment

FIXED_STEP_PT = 5.0
"""The width of a character where all pages share one."""

_WIDER_PITCH = 1.7
_LEAST_STEP_PT = 0.5
_MOST_COLUMNS = 1_000


def spatial_text(found: Sequence[Segment], *, aligned: bool) -> str:
    """Give the text on a grid of characters; ``aligned`` keeps the grid the same on all pages."""
    if not found:
        return ""
    step = FIXED_STEP_PT if aligned else max(_LEAST_STEP_PT, median(_step(segment) for segment in found))
    left = 0.0 if aligned else min(segment.x0 for segment in found)
    lines = baselines(found)
    middles = [median((segment.y0 + segment.y1) / 2 for segment in line) for line in lines]
    pitches = [after - before for before, after in pairwise(middles)]
    usual = median(pitches) if pitches else 0.0
    made: list[str] = []
    for index, line in enumerate(lines):
        if index and pitches[index - 1] > _WIDER_PITCH * usual:
            made.append("")
        made.append(_line(line, left, step))
    return "\n".join(made)


def _step(segment: Segment) -> float:
    return (segment.x1 - segment.x0) / max(1, len(segment.text))


def _line(segments: Sequence[Segment], left: float, step: float) -> str:
    text = ""
    for segment in segments:
        place = min(max(0, round((segment.x0 - left) / step)), _MOST_COLUMNS)
        gap = max(place - len(text), 1 if text else 0)
        text += " " * gap + whole(segment.text)
    return text
