"""What a page prints beside the fields of its form: before or above a field, behind a box to check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.granular import words_of
from llamaparse_worker.model.forms import FieldKind, FormField
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

MOST_LABELLED = 1_000
_SLACK = 2.0
_NEAR = 2.0
"""Heights of a word between a field and a label that certainly belongs to it."""
_BEHIND_BOX = 3.0
"""Heights of a word between a box and its label, at most."""
_BEFORE_FIELD = 0.4
"""Share of the page between a label and its field, at most, where nothing is in between."""
_ABOVE = 1.0
_WORD_GAP = 1.0
"""Heights of a word between two that are one label."""
_BLANKS = " \t:_.\u2026*"


def with_labels(page: RawPage, fields: Sequence[FormField]) -> tuple[FormField, ...]:
    """Give the fields with their labels as printed; one without keeps the form's own description.

    Beyond the first ``MOST_LABELLED`` of a page all keep it: nobody fills in more, and each looks at all words.
    """
    found = _Page(page, fields)
    labelled = (replace(field, label=found.label_of(field) or field.label) for field in fields[:MOST_LABELLED])
    return (*labelled, *fields[MOST_LABELLED:])


class _Page:
    def __init__(self, page: RawPage, fields: Sequence[FormField]) -> None:
        self._words = tuple(words_of(page))
        self._boxes = _array(word.box for word in self._words)
        self._fields = _array(field.box for field in fields)
        self._reach = _BEFORE_FIELD * page.width

    def label_of(self, field: FormField) -> str:
        if not len(self._boxes):
            return ""
        box = field.box
        if field.checked is not None and field.kind is not FieldKind.SIGNATURE:
            return self._behind(box) or self._before(box, _BEHIND_BOX * box.height)
        near = _NEAR * box.height
        return self._before(box, near) or self._above(box) or self._before(box, self._reach) or self._within(box)

    def _level(self, box: Box) -> Indices:
        """Give the words on the line of a field."""
        y0, y1 = self._boxes[:, 1], self._boxes[:, 3]
        middles, middle = (y0 + y1) / 2, (box.y0 + box.y1) / 2
        inside = (middles > box.y0 - _SLACK) & (middles < box.y1 + _SLACK)
        return np.flatnonzero(inside | ((y0 < middle) & (y1 > middle)))

    def _behind(self, box: Box) -> str:
        level = self._level(box)
        after = level[self._boxes[level, 0] >= box.x1 - _SLACK]
        words = [self._words[at] for at in after[np.argsort(self._boxes[after, 0])].tolist()]
        return self._run(words, box, box.x1, _BEHIND_BOX)

    def _before(self, box: Box, reach: float) -> str:
        level = self._level(box)
        before = level[self._boxes[level, 2] <= box.x0 + _SLACK]
        words = [self._words[at] for at in before[np.argsort(-self._boxes[before, 2])].tolist()]
        if not words or box.x0 - words[0].box.x1 > reach:
            return ""
        return self._run(words, box, box.x0, np.inf)

    def _above(self, box: Box) -> str:
        x0, _, x1, y1 = self._boxes.T
        over = (x1 > box.x0 - _SLACK) & (x0 < box.x1) & (y1 <= box.y0 + _SLACK)
        over &= box.y0 - y1 <= _ABOVE * (y1 - self._boxes[:, 1])
        return self._line(np.flatnonzero(over), lowest=True)

    def _within(self, box: Box) -> str:
        middles = (self._boxes[:, :2] + self._boxes[:, 2:]) / 2
        inside = ((middles > (box.x0, box.y0)) & (middles < (box.x1, box.y1))).all(axis=1)
        return self._line(np.flatnonzero(inside), lowest=False)

    def _line(self, chosen: Indices, *, lowest: bool) -> str:
        """Give the lowest or highest line among some words."""
        if not len(chosen):
            return ""
        middles = (self._boxes[chosen, 1] + self._boxes[chosen, 3]) / 2
        first = chosen[middles.argmax() if lowest else middles.argmin()]
        on_line = (middles > self._boxes[first, 1]) & (middles < self._boxes[first, 3])
        found = chosen[on_line]
        words = [self._words[at] for at in found[np.argsort(self._boxes[found, 0])].tolist()]
        return self._run(words, words[0].box, words[0].box.x0, np.inf)

    def _run(self, words: Sequence[Word], box: Box, edge: float, first_gap: float) -> str:
        """Join words that follow each other away from an edge, up to a wide gap or another field."""
        run: list[Word] = []
        for word in words:
            gap = max(word.box.x0 - edge, edge - word.box.x1, 0.0)
            allowed = _WORD_GAP if run else first_gap
            if gap > allowed * word.box.height or self._field_between(edge, word.box, box):
                break
            run.append(word)
            edge = word.box.x1 if word.box.x0 >= edge - _SLACK else word.box.x0
        ordered = sorted(run, key=lambda word: word.box.x0)
        return " ".join(word.text for word in ordered).strip(_BLANKS)

    def _field_between(self, edge: float, word: Box, level: Box) -> bool:
        x0, y0, x1, y1 = self._fields.T
        low, high = min(edge, word.x1), max(edge, word.x0)
        middles = (x0 + x1) / 2
        return bool(((middles > low) & (middles < high) & (y0 < level.y1) & (y1 > level.y0)).any())


def _array(boxes: Iterator[Box]) -> Floats:
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], np.float32).reshape(-1, 4)
