"""Two facing pages of a book on one image: the left one is read before the right one begins.

Where both are set in lines of text the recursive cut finds this by itself; a spread may also have tables, figures and
headings on either side, which must not be read across the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from llamaparse_worker.layout.selection import is_within
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word

_LEAST_ASPECT = 1.2
_MIDDLE = (0.42, 0.58)
"""Shares of the width between which the fold lies."""
_LEAST_FOLD = 0.02
"""Share of the width that no word reaches into, the inner margins of both pages."""
_LEAST_WORDS = 60
_MOST_UNEVEN = 0.2
_LEAST_FILLED = 0.45
"""How much of the width of a page its words cover on a line as a rule; the cells of tables leave more free."""


def facing_pages(page: RawPage, words: Sequence[Word]) -> list[tuple[RawPage, tuple[Word, ...]]]:
    """Give the words of each facing page, with what is drawn there; all of them together if it is a page alone."""
    fold = _fold(page, words)
    if fold is None:
        return [(page, tuple(words))]
    halves = Box(0.0, 0.0, fold, page.height), Box(fold, 0.0, page.width, page.height)
    return [
        (
            replace(page, rules=_drawn_within(page.rules, half), fills=_drawn_within(page.fills, half)),
            tuple(word for word in words if is_within(word.box, half)),
        )
        for half in halves
    ]


def _fold(page: RawPage, words: Sequence[Word]) -> float | None:
    if page.width < _LEAST_ASPECT * page.height or len(words) < _LEAST_WORDS:
        return None
    left, right = np.array([(word.box.x0, word.box.x1) for word in words]).T
    low, high = (share * page.width for share in _MIDDLE)
    edges = np.sort(np.concatenate(([low, high], right[(right > low) & (right < high)])))
    widest, fold = 0.0, None
    for start in edges.tolist():
        if ((left < start) & (right > start)).any():
            continue
        end = min(high, float(left[left >= start].min(initial=high)))
        if end - start > widest:
            widest, fold = end - start, (start + end) / 2
    if fold is None or widest < _LEAST_FOLD * page.width:
        return None
    before = (left + right) / 2 < fold
    if not _MOST_UNEVEN <= before.mean() <= 1 - _MOST_UNEVEN:
        return None
    sides = [
        [word for word, is_left in zip(words, before.tolist(), strict=True) if is_left is side]
        for side in (True, False)
    ]
    return fold if all(_filled(side) >= _LEAST_FILLED for side in sides) else None


def _filled(words: Sequence[Word]) -> float:
    """Give how much of their common width words cover where there are any."""
    first, last = min(word.box.x0 for word in words), max(word.box.x1 for word in words)
    middles = np.array([(word.box.y0 + word.box.y1) / 2 for word in words])
    widths = np.array([word.box.width for word in words])
    step = float(np.median([word.box.height for word in words]))
    covered = np.bincount(((middles - middles.min()) / step).astype(np.intp), weights=widths)
    return float(np.median(covered[covered > 0])) / max(1.0, last - first)


def _drawn_within(drawn: bytes, area: Box) -> bytes:
    boxes = np.frombuffer(drawn, np.float32).reshape(-1, 4)
    middles = (boxes[:, 0] + boxes[:, 2]) / 2
    return boxes[(middles >= area.x0) & (middles < area.x1)].tobytes()
