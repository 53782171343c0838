"""A page as it is displayed: turned, and cut to what is shown of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.backends.reader.pdf import compiled
from llamaparse_worker.backends.reader.pdf.view import displayed

needs_compiled = pytest.mark.skipif(not compiled.is_compiled(), reason="glyphs.c is not compiled")

numbers = st.floats(-1e9, 1e9, width=32)
sides = st.tuples(numbers, numbers, numbers, numbers)
anything = st.one_of(numbers, st.just(float("nan")))


@pytest.mark.parametrize(
    ("quarters", "expected"),
    [(0, (10, 60, 30, 75)), (1, (5, 10, 20, 30)), (2, (70, 5, 90, 20)), (3, (60, 70, 75, 90))],
)
def test_a_box_of_any_orientation_is_mapped_to_the_turned_page(
    quarters: int, expected: tuple[float, float, float, float]
) -> None:
    shown = (100.0, 200.0, 200.0, 280.0)
    boxes = np.array([(110, 220, 130, 205), (130, 205, 110, 220)], np.float32)
    for found in displayed(boxes, shown, quarters):
        assert tuple(found) == expected


@needs_compiled
@given(st.lists(st.tuples(anything, anything, anything, anything), max_size=20), sides, st.integers(0, 3))
def test_both_ways_map_whatever_boxes_alike(
    rows: list[tuple[float, float, float, float]], bounds: tuple[float, float, float, float], quarters: int
) -> None:
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    mapped = compiled.displayed(boxes, bounds, quarters)
    np.testing.assert_array_equal(mapped, displayed(boxes, bounds, quarters), strict=True)


@needs_compiled
def test_boxes_whose_memory_has_gaps_are_mapped_too() -> None:
    boxes = np.arange(64, dtype=np.float32).reshape(-1, 8)[:, 2:6]
    shown = (1.0, 2.0, 3.0, 4.0)
    np.testing.assert_array_equal(compiled.displayed(boxes, shown, 1), displayed(boxes, shown, 1), strict=True)
