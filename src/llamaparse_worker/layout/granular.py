"""Words and lines of a page with their boxes, for jobs that ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from llamaparse_worker.layout.characters import characters_of
from llamaparse_worker.model.blocks import Line
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.options import Granularity, ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.model.recognition import Word

_WORD = re.compile(r"\S+")
_SAME_LINE = 0.5
_REACH = 2.0
"""Heights of a line that two words of it may be apart."""


def with_granular(page: LaidOutPage, words: Iterable[Word], options: ParseOptions) -> LaidOutPage:
    """Give the page with its words and lines, if the job asks for them; ``words`` is not looked at otherwise."""
    wanted = options.granular_bboxes
    if Granularity.WORD not in wanted and Granularity.LINE not in wanted:
        return page
    found = tuple(words)
    return replace(
        page,
        words=found if Granularity.WORD in wanted else (),
        lines=tuple(lines_of(found)) if Granularity.LINE in wanted else (),
    )


def words_of(page: RawPage) -> Iterable[Word]:
    """Give the words of a text layer in the order of the file, as far as they stand on the page."""
    places = [found.span() for found in _WORD.finditer(page.text)]
    if not places:
        return
    boxes = np.concatenate((characters_of(page).boxes, np.zeros((1, 4), np.float32)))
    edges = np.array(places).ravel()
    low = np.minimum.reduceat(boxes[:, :2], edges, axis=0)[::2]
    high = np.maximum.reduceat(boxes[:, 2:], edges, axis=0)[::2]
    low, high = np.maximum(low, 0), np.minimum(high, (page.width, page.height))
    for (start, end), (x0, y0), (x1, y1) in zip(places, low.tolist(), high.tolist(), strict=True):
        if x0 < x1 and y0 < y1:
            yield Word(page.text[start:end], Box(round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)))


def lines_of(words: Iterable[Word]) -> Iterable[Line]:
    """Give lines: words that follow each other on one, without a gap as columns have it."""
    line: list[Word] = []
    for word in words:
        if line and not _goes_on(line[-1].box, word.box):
            yield _line(line)
            line = []
        line.append(word)
    if line:
        yield _line(line)


def _line(words: Sequence[Word]) -> Line:
    return Line(" ".join(word.text for word in words), enclosing(word.box for word in words))


def _goes_on(one: Box, following: Box) -> bool:
    shared = min(one.y1, following.y1) - max(one.y0, following.y0)
    apart = max(following.x0 - one.x1, one.x0 - following.x1)
    return shared > _SAME_LINE * min(one.height, following.height) and apart < _REACH * one.height
