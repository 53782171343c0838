from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.columns import (
    Strip,
    spanned,
    spanned_in_python,
    standing_apart,
    standing_apart_in_python,
)
from llamaparse_worker.layout.grid import GridSegment
from llamaparse_worker.layout.levels import (
    baselines,
    baselines_in_python,
    compiled,
    rows,
    rows_in_python,
    stand_apart,
    stand_apart_in_python,
    within,
    within_in_python,
)
from llamaparse_worker.layout.segments import Segment

needs_compiled = pytest.mark.skipif(compiled is None, reason="levels.c is not compiled")

PLACE = st.integers(0, 12).map(lambda quarter: quarter / 4)
SEGMENT = st.builds(
    lambda kind, x0, y0, width, height: kind(x0, y0, x0 + width, y0 + height, 10.0, "text"),
    st.sampled_from([Segment, Segment, GridSegment]),
    PLACE,
    PLACE,
    st.sampled_from([0, 0.5, 2.25]),
    st.sampled_from([0, 0.01, 0.75, 1, 1.5]),
)
"""So close to each other that many begin at one place, and many overlap."""


def identities(groups: Sequence[Sequence[Segment]]) -> list[list[int]]:
    return [list(map(id, group)) for group in groups]


@needs_compiled
@given(st.lists(SEGMENT, max_size=30))
def test_lines_are_the_same_either_way(segments: list[Segment]) -> None:
    assert identities(baselines(segments)) == identities(baselines_in_python(segments))
    assert identities(baselines(tuple(segments))) == identities(baselines_in_python(segments))


@needs_compiled
@given(st.lists(SEGMENT, max_size=30), st.sampled_from([0.0, 0.25, 0.3]))
def test_rows_are_the_same_either_way(segments: list[Segment], shrink: float) -> None:
    assert identities(rows(segments, shrink)) == identities(rows_in_python(segments, shrink))
    assert stand_apart(segments, shrink) == stand_apart_in_python(segments, shrink)


@needs_compiled
@given(st.lists(SEGMENT, max_size=30), PLACE, PLACE, PLACE, st.one_of(PLACE, st.just(float("inf"))))
def test_what_lies_within_sides_is_the_same_either_way(
    segments: list[Segment], x0: float, y0: float, x1: float, y1: float
) -> None:
    assert identities([within(segments, x0, y0, x1, y1)]) == identities([within_in_python(segments, x0, y0, x1, y1)])


@needs_compiled
@given(SEGMENT, st.lists(st.sampled_from([0.5, 1, 2.25, 4]), min_size=1, max_size=8))
def test_columns_are_the_same_either_way(segment: Segment, widths: list[float]) -> None:
    edges = [sum(widths[:index]) - 2 for index in range(len(widths) + 1)]
    strips = [Strip(start, end) for start, end in pairwise(edges)]
    assert spanned(segment, strips) == spanned_in_python(segment, strips)
    assert spanned(segment, strips[::2]) == spanned_in_python(segment, strips[::2])


@needs_compiled
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), PLACE, st.sampled_from([2.5, 4.0, 9.0])), max_size=4), max_size=6)
)
def test_columns_that_stand_apart_are_the_same_either_way(rows: list[list[tuple[int, float, float]]]) -> None:
    lines = [
        [Segment(8.0 * at + off, 0.0, 8.0 * at + off + width, 9.0, 10, "text") for at, off, width in row]
        for row in rows
    ]
    assert standing_apart(lines) == standing_apart(tuple(map(tuple, lines))) == standing_apart_in_python(lines)


def test_columns_stand_apart_where_some_line_fills_both() -> None:
    line = [Segment(8.0 * at, 0.0, 8.0 * at + 5, 9.0, 10, "text") for at in range(3)]
    assert standing_apart([line[:2], line[1:]]) == [Strip(0.0, 5.0), Strip(8.0, 13.0), Strip(16.0, 21.0)]
    assert standing_apart([line[:2], line[2:]]) is None
    assert standing_apart([]) == []


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_columns_of_sides_that_are_no_finite_numbers_are_left_to_python(odd: float) -> None:
    lines = [[Segment(0.0, 0.0, odd, 9.0, 10, "text"), Segment(8.0, 0.0, 12.0, 9.0, 10, "text")]]
    assert repr(standing_apart(lines)) == repr(standing_apart_in_python(lines))


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_sides_that_are_no_finite_numbers_are_left_to_python(odd: float) -> None:
    segments = [Segment(0, top, 5, top + 1, 10, "text") for top in (3.0, odd, 1.0, 2.5)]
    assert identities(baselines(segments)) == identities(baselines_in_python(segments))
    assert identities(rows(segments, 0.25)) == identities(rows_in_python(segments, 0.25))
    assert stand_apart(segments, 0.25) == stand_apart_in_python(segments, 0.25)


@needs_compiled
@pytest.mark.parametrize("odd", [Segment("0", 0, 5, 1, 10, "text"), object(), None])  # type: ignore[arg-type]
def test_what_is_no_segment_is_refused(odd: Segment) -> None:
    fine = Segment(0, 0, 5, 1, 10, "text")
    with pytest.raises(TypeError):
        baselines([fine, odd])
    with pytest.raises(TypeError):
        rows([fine, odd])
    with pytest.raises(TypeError):
        stand_apart([fine, odd], 0.25)
    with pytest.raises(TypeError):
        within([fine, odd], 0, 0, 1, 1)
    with pytest.raises(TypeError):
        spanned(odd, [Strip(0, 1)])
    with pytest.raises(TypeError):
        spanned(fine, [odd])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        standing_apart([[fine], [odd]])
    with pytest.raises(TypeError):
        standing_apart([[fine], odd])  # type: ignore[list-item]


@pytest.mark.parametrize("strips", [[], ()])
def test_without_a_column_there_is_none_to_give(strips: Sequence[Strip]) -> None:
    with pytest.raises(ValueError, match=r"strips|empty"):
        spanned(Segment(0, 0, 5, 1, 10, "text"), strips)


@needs_compiled
def test_nothing_is_kept_of_segments() -> None:
    segments = [Segment(float(at % 3), float(at // 3), at % 3 + 1.5, at // 3 + 1.5, 10, "text") for at in range(30)]
    strips = [Strip(0.0, 1.0), Strip(1.5, 3.0)]

    def calls() -> None:
        baselines(segments)
        rows(tuple(segments), 0.3)
        stand_apart(segments, 0.3)
        within(segments, 0, 0, 2, 2)
        spanned(segments[0], strips)
        standing_apart([segments[:2], segments[2:4]])
        standing_apart([segments[at : at + 3] for at in range(0, 30, 3)])
        with pytest.raises(TypeError):
            baselines([*segments, None])  # type: ignore[list-item]
        with pytest.raises(TypeError):
            within([*segments, None], 0, 0, 2, 2)  # type: ignore[list-item]

    calls()
    gc.collect()
    counts = [sys.getrefcount(one) for one in (*segments, *strips)]
    blocks = sys.getallocatedblocks()
    for _ in range(500):
        calls()
    gc.collect()
    assert [sys.getrefcount(one) for one in (*segments, *strips)] == counts
    assert sys.getallocatedblocks() < blocks + 200
