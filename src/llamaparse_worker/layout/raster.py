"""Boxes on a coarse raster of the page: which of them touch, and how much text they hold.

What this costs is bounded by the raster, however many boxes there are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_MOST_CELLS = 512
"""Along one side."""
_FINEST_PT = 2.0


class Raster:
    """Square cells over a page."""

    def __init__(self, width: float, height: float) -> None:
        """Lay cells over a page of a size in points: as large as is needed for it, 2 points at least."""
        self._step = max(_FINEST_PT, width / _MOST_CELLS, height / _MOST_CELLS)
        self._columns, self._rows = (max(1, int(side / self._step) + 1) for side in (width, height))

    def components(self, boxes: Floats, gap: float) -> Indices:
        """Number the groups of boxes, shape (n,): boxes that are less than about ``gap`` apart are in one.

        Boxes grown by half of the gap are drawn into the raster, and its connected components are labelled by runs
        (He, Chao and Suzuki, "A run-based two-scan labeling algorithm", IEEE Transactions on Image Processing 17(5),
        2008).
        """
        if not len(boxes):
            return np.empty(0, np.intp)
        labels = _labelled(self._covered(boxes, gap / 2))
        x0, y0, _, _ = self._cells(boxes, gap / 2)
        found: Indices = np.unique(labels[y0, x0], return_inverse=True)[1].reshape(-1)
        return found

    def holds(self, boxes: Floats, places: Floats) -> npt.NDArray[np.bool_]:
        """Tell of each place, shape (n, 2), whether it lies in any of the boxes, or as near as a cell is large."""
        found: npt.NDArray[np.bool_] = self._covered(boxes, 0.0)[self._cells_of(places)]
        return found

    def sums(self, weights: Floats, places: Floats, boxes: Floats) -> Floats:
        """Give for each box the sum of the weights at places within it.

        ``weights`` has the shape (n,), ``places`` (n, 2), ``boxes`` (m, 4), the result (m,). Method: summed-area table
        (Crow, "Summed-area tables for texture mapping", SIGGRAPH 1984).
        """
        table = np.zeros((self._rows + 1, self._columns + 1), np.float64)
        rows, columns = self._cells_of(places)
        np.add.at(table, (rows + 1, columns + 1), weights)
        table = table.cumsum(axis=0).cumsum(axis=1)
        x0, y0, x1, y1 = self._cells(boxes, 0.0)
        return (table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]).astype(np.float32)

    def _covered(self, boxes: Floats, grown: float) -> npt.NDArray[np.bool_]:
        """Tell which cells any of the boxes covers, by the sums of differences at their corners."""
        x0, y0, x1, y1 = self._cells(boxes, grown)
        corners = np.zeros((self._rows + 1, self._columns + 1), np.int64)
        for rows, columns, sign in ((y0, x0, 1), (y1, x1, 1), (y0, x1, -1), (y1, x0, -1)):
            np.add.at(corners, (rows, columns), sign)
        found: npt.NDArray[np.bool_] = corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
        return found

    def _cells_of(self, places: Floats) -> tuple[Indices, Indices]:
        """Give row and column of each place."""
        columns = np.clip(places[:, 0] / self._step, 0, self._columns - 1).astype(np.intp)
        rows = np.clip(places[:, 1] / self._step, 0, self._rows - 1).astype(np.intp)
        return rows, columns

    def _cells(self, boxes: Floats, grown: float) -> tuple[Indices, Indices, Indices, Indices]:
        """Give the cells of each box as left, top, right, bottom, the last two excluded; one cell at least."""
        x0 = np.clip((boxes[:, 0] - grown) / self._step, 0, self._columns - 1).astype(np.intp)
        y0 = np.clip((boxes[:, 1] - grown) / self._step, 0, self._rows - 1).astype(np.intp)
        x1 = np.clip(np.ceil((boxes[:, 2] + grown) / self._step), x0 + 1, self._columns).astype(np.intp)
        y1 = np.clip(np.ceil((boxes[:, 3] + grown) / self._step), y0 + 1, self._rows).astype(np.intp)
        return x0, y0, x1, y1


def _labelled(covered: npt.NDArray[np.bool_]) -> Indices:
    """Give each covered cell the number of its component, side by side or corner to corner; others stay -1."""
    labels = np.full(covered.shape, -1, np.intp)
    parents: list[int] = []
    padded = np.pad(covered, ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(padded, axis=1)
    above: list[tuple[int, int, int]] = []
    for row in range(covered.shape[0]):
        starts, ends = np.flatnonzero(turns[row] == 1).tolist(), np.flatnonzero(turns[row] == -1).tolist()
        runs: list[tuple[int, int, int]] = []
        at = 0
        for start, end in zip(starts, ends, strict=True):
            label = len(parents)
            parents.append(label)
            while at < len(above) and above[at][1] < start:
                at += 1
            touching = at
            while touching < len(above) and above[touching][0] <= end:
                _join(parents, label, above[touching][2])
                touching += 1
            runs.append((start, end, label))
            labels[row, start:end] = label
        above = runs
    roots = np.array([_root(parents, label) for label in range(len(parents))] or [0], np.intp)
    return np.where(labels >= 0, roots[labels], -1)


def _root(parents: list[int], label: int) -> int:
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


def _join(parents: list[int], one: int, other: int) -> None:
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first
