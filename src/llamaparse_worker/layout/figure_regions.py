"""Where the figures of a page are: charts, diagrams and pictures, found from the shapes that it is drawn with.

Shapes that lie near each other are one figure, if some of them are more than what text is set with: an image, a curve,
a slanted line or a shading, or several bars. Rules, frames and backgrounds of text only join what others have begun;
those of tables, and what lies behind running text or the whole page, are put aside before. Short texts in and beside a
figure, such as the numbers of an axis, belong to it. The bottom-up method is that of connected components over
run-length smoothing (Wong, Casey and Wahl, "Document analysis system", IBM Journal of Research and Development 26(6),
1982), with boxes in place of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.captions import is_caption
from llamaparse_worker.layout.granular import lines_of, words_of
from llamaparse_worker.layout.raster import Raster
from llamaparse_worker.model.blocks import Block, Line, Paragraph, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.model.shapes import ShapeKind, Shapes

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_GAP = 12.0
"""Points between parts of one figure: about a line of text."""
_LEAST_SIDE = 24.0
"""Points: two lines of text. What is lower or narrower is an icon, a bullet or an ornament."""
_WHOLE_PAGE = 0.9
"""Share of the page that only its background covers."""
_RUNNING_TEXT, _LABEL = 60, 40
"""Characters: more in one place are running text; at most so many on a line may be a label."""
_DENSE = 0.3
"""Share of an area that characters take up where it is there for them."""
_LEAST_BARS, _LEAST_MARKS = 3, 3
_UNEVEN = 1.2
"""How much longer the longest bar is than the shortest."""
_TABLE_DRAWN_OVER = 0.5
"""Share of what was taken for a table that is drawn over with curves: a chart with a grid."""
_TABLE_EDGE = 3.0
_ROUNDS = 4
"""Of labels: the numbers of an axis, its title, and what stands beside that."""
_LABEL_GAP = 0.9
"""Heights of a label between it and what it belongs to."""
_MARGIN = 2.0


def figure_regions(page: RawPage, shapes: Shapes, blocks: Sequence[Block] = ()) -> tuple[Box, ...]:
    """Give the figures of a page from top to bottom; ``blocks`` is what was made of its text, as far as is known."""
    kinds = np.frombuffer(shapes.kinds, np.uint8)
    if not (kinds >= ShapeKind.DRAWING).any() and np.count_nonzero(kinds == ShapeKind.FILL) < _LEAST_BARS:
        return ()  # as for most pages of text
    found = _Shapes(np.frombuffer(shapes.boxes, np.float32).reshape(-1, 4), kinds, page)
    tables = _boxes(block.box for block in blocks if isinstance(block, Table))
    found = found.where(~found.is_background)
    found = found.where(~_of_tables(found, tables))
    regions = _figures(found)
    if not len(regions):
        return ()
    regions = _with_labels(regions, _labels(page, blocks, regions, tables))
    low = np.maximum(regions[:, :2] - _MARGIN, 0)
    high = np.minimum(regions[:, 2:] + _MARGIN, (page.width, page.height))
    outer = outermost(np.concatenate((low, high), axis=1))
    made = [Box(*(round(value, 2) for value in region)) for region in outer.tolist()]
    return tuple(sorted(made, key=lambda box: (box.y0, box.x0)))


def blocks_of(page: LaidOutPage) -> tuple[Block, ...]:
    """Give all that was made of the text of a page, with what stands apart at its edges."""
    return (*page.blocks, *chain.from_iterable(edge.blocks for edge in page.edges))


class _Shapes:
    """Shapes cut to the page, those outside of it left out, and the text that they hold."""

    def __init__(self, boxes: Floats, kinds: npt.NDArray[np.uint8], page: RawPage) -> None:
        size = np.array([page.width, page.height] * 2, np.float32)
        cut = np.clip(np.nan_to_num(boxes, nan=-1.0), 0, size)
        outside = (cut[:, 0] >= page.width) | (cut[:, 1] >= page.height) | (cut[:, 2] <= 0) | (cut[:, 3] <= 0)
        self.page = page
        self.raster = Raster(page.width, page.height)
        self.boxes, self.kinds = cut[~outside], kinds[~outside]
        self.widths, self.heights = self.boxes[:, 2] - self.boxes[:, 0], self.boxes[:, 3] - self.boxes[:, 1]
        characters = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
        areas = np.prod(np.maximum(characters[:, 2:] - characters[:, :2], 0), axis=1)
        visible = areas > 0
        places = (characters[visible, :2] + characters[visible, 2:]) / 2
        self._places = places.astype(np.float32)
        self._areas = areas[visible].astype(np.float32)
        self.counts, self.covered = self.text_in(self.boxes)

    def text_in(self, boxes: Floats) -> tuple[Floats, Floats]:
        """Give how many characters each box holds, and the share of it that they take up."""
        counts = self.raster.sums(np.ones_like(self._areas), self._places, boxes)
        areas = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1)
        return counts, self.raster.sums(self._areas, self._places, boxes) / areas

    @property
    def is_background(self) -> Mask:
        """Which lie behind the page or behind running text."""
        behind_text = (self.counts > _RUNNING_TEXT) & (self.covered > _DENSE)
        behind_page = self.widths * self.heights > _WHOLE_PAGE * self.page.width * self.page.height
        return np.asarray((behind_text & (self.kinds != ShapeKind.RULE)) | behind_page)

    def where(self, kept: Mask) -> _Shapes:
        """Give some of them."""
        return self if kept.all() else _Shapes(self.boxes[kept], self.kinds[kept], self.page)


def _of_tables(shapes: _Shapes, tables: Floats) -> Mask:
    """Tell which shapes a table is drawn with. What curves go over in great part is none; images are its content."""
    found = np.zeros(len(shapes.boxes), np.bool_)
    curved = shapes.kinds == ShapeKind.DRAWING
    grown = tables + np.array([-_TABLE_EDGE, -_TABLE_EDGE, _TABLE_EDGE, _TABLE_EDGE], np.float32)
    for table in grown:
        inside = _centres_within(shapes.boxes, table) & (shapes.kinds != ShapeKind.IMAGE)
        drawn = shapes.boxes[inside & curved]
        over = _area(_around(drawn)) if len(drawn) else 0.0
        if over < _TABLE_DRAWN_OVER * _area(table):
            found |= inside
    return found


def _figures(shapes: _Shapes) -> Floats:
    """Give the boxes of those groups of shapes that are figures."""
    groups = shapes.raster.components(shapes.boxes, _GAP)
    while len(groups):
        boxes = _around_each(shapes.boxes, groups)
        over = shapes.raster.components(boxes, 0.0)  # such as two axes that meet, and the marks between them
        if over.max() + 1 == len(boxes):
            break
        groups = over[groups]
    else:
        return np.empty((0, 4), np.float32)
    counts, covered = shapes.text_in(boxes)
    large = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) >= _LEAST_SIDE
    candidates = large & ~((counts > _RUNNING_TEXT) & (covered > _DENSE))
    order = np.argsort(groups, kind="stable")
    parted = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return boxes[[bool(candidates[at]) and _is_figure(shapes, members) for at, members in enumerate(parted)]]


def _is_figure(shapes: _Shapes, members: npt.NDArray[np.intp]) -> bool:
    kinds, widths, heights = shapes.kinds[members], shapes.widths[members], shapes.heights[members]
    is_image = kinds == ShapeKind.IMAGE
    marks = is_image | ((kinds == ShapeKind.DRAWING) & (shapes.covered[members] < _DENSE))
    if (marks & (np.maximum(widths, heights) >= _LEAST_SIDE)).any():
        return True
    if is_image.any() and _is_large(shapes.boxes[members][is_image]):
        return True
    lines = ~marks
    if marks.sum() >= _LEAST_MARKS and lines.any() and _is_large(shapes.boxes[members][lines]):
        return True
    return _are_bars(shapes, members[(kinds == ShapeKind.FILL) & (shapes.counts[members] == 0)])


def _are_bars(shapes: _Shapes, members: npt.NDArray[np.intp]) -> bool:
    """Tell whether filled rectangles without text are several, and of different lengths."""
    if len(members) < _LEAST_BARS or not _is_large(shapes.boxes[members]):
        return False
    sides = np.stack((shapes.widths[members], shapes.heights[members]))
    return bool((sides.max(axis=1) >= _UNEVEN * sides.min(axis=1)).any())


def _is_large(boxes: Floats) -> bool:
    around = _around(boxes)
    return bool(min(around[2] - around[0], around[3] - around[1]) >= _LEAST_SIDE)


def _labels(page: RawPage, blocks: Sequence[Block], regions: Floats, tables: Floats) -> Floats:
    """Give the places of short lines that are no part of running text, of headings, of captions or of other tables."""
    beside = [table for table in tables if not _is_covered(table, regions)]
    prose = _boxes(block.box for block in blocks if not isinstance(block, Table) and not _may_be_labels(block))
    lines = [line for line in lines_of(words_of(page)) if len(line.text) <= _LABEL and not is_caption(line.text)]
    boxes = _boxes(line.box for line in lines)
    taken = np.concatenate((np.array(beside, np.float32).reshape(-1, 4), prose))
    middles = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(np.float32)
    return boxes[~Raster(page.width, page.height).holds(taken, middles)]


def _may_be_labels(block: Block) -> bool:
    """Tell whether a block may be what stands at an axis: short, or set sideways."""
    if not isinstance(block, Paragraph) or is_caption(block.text):
        return False
    return len(block.text) <= _RUNNING_TEXT or all(map(_is_sideways, block.lines))


def _is_sideways(line: Line) -> bool:
    return line.box.height > line.box.width


def _is_covered(table: Floats, regions: Floats) -> bool:
    low, high = np.maximum(regions[:, :2], table[:2]), np.minimum(regions[:, 2:], table[2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    return bool((shared >= _TABLE_DRAWN_OVER * _area(table)).any())


def _with_labels(regions: Floats, labels: Floats) -> Floats:
    """Grow each region by the labels in it and beside it, and by those that stand beside these."""
    return np.array([_labelled(region, labels) for region in regions], np.float32)


def _labelled(region: Floats, labels: Floats) -> Floats:
    middles = (labels[:, :2] + labels[:, 2:]) / 2
    thickness = np.minimum(labels[:, 2] - labels[:, 0], labels[:, 3] - labels[:, 1])
    reach = (_LABEL_GAP * np.clip(thickness, 0, _GAP))[:, None]
    for _ in range(_ROUNDS):
        near = (labels[:, :2] < region[2:] + reach).all(axis=1) & (labels[:, 2:] > region[:2] - reach).all(axis=1)
        level = ((middles > region[:2]) & (middles < region[2:])).any(axis=1)
        joined = labels[near & level]
        grown = _around(np.concatenate((region[None], joined)))
        if (grown == region).all():
            break
        region = grown
    return region


def outermost(regions: Floats) -> Floats:
    """Leave out regions that lie within others; of equal ones one stays."""
    regions = np.unique(regions, axis=0)
    within = np.ones((len(regions), len(regions)), np.bool_)
    for side in (0, 1):
        within &= regions[:, None, side] >= regions[None, :, side]
        within &= regions[:, None, side + 2] <= regions[None, :, side + 2]
    np.fill_diagonal(within, val=False)
    return regions[~within.any(axis=1)]


def _boxes(boxes: Iterator[Box]) -> Floats:
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], np.float32).reshape(-1, 4)


def _around(boxes: Floats) -> Floats:
    return np.concatenate((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)))


def _around_each(boxes: Floats, groups: npt.NDArray[np.intp]) -> Floats:
    count = int(groups.max()) + 1
    low, high = np.full((count, 2), np.inf, np.float32), np.full((count, 2), -np.inf, np.float32)
    np.minimum.at(low, groups, boxes[:, :2])
    np.maximum.at(high, groups, boxes[:, 2:])
    return np.concatenate((low, high), axis=1)


def _centres_within(boxes: Floats, area: Floats) -> Mask:
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((middles >= area[:2]) & (middles <= area[2:])).all(axis=1))


def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
