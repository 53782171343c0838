from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.columns import compared, standing_apart, strips
from llamaparse_worker.layout.segments import Segment

Places = list[list[tuple[float, float]]]

NEARLY_COLUMNS = st.lists(
    st.lists(
        st.builds(
            lambda column, shift, width: (60.0 * column + shift / 4, 60.0 * column + shift / 4 + width / 4),
            st.integers(0, 4),
            st.integers(0, 40),
            st.integers(0, 300),
        ),
        min_size=1,
        max_size=5,
    ),
    max_size=6,
)
"""Lines of texts that mostly stand in columns of 60 points, some narrow ones among them and some that reach further."""


def lines_of(places: Places) -> list[list[Segment]]:
    return [
        [Segment(x0, 12.0 * row, x1, 12.0 * row + 10, 10.0, "text") for x0, x1 in sorted(line)]
        for row, line in enumerate(places)
    ]


def edges(places: Places) -> list[tuple[float, float]]:
    return [(strip.x0, strip.x1) for strip in strips(lines_of(places))]


@given(NEARLY_COLUMNS)
def test_what_needs_no_comparing_is_what_comparing_gives(places: Places) -> None:
    lines = lines_of(places)
    apart = standing_apart(lines)
    assert apart is None or [(one.x0, one.x1) for one in apart] == [(one.x0, one.x1) for one in compared(lines)]


def test_texts_that_stand_apart_need_no_comparing() -> None:
    assert standing_apart(lines_of([[(0, 50), (60, 90)], [(5, 40), (70, 95)], [(60, 80)]])) is not None
    assert edges([[(0, 50), (60, 90)], [(5, 40), (70, 95)], [(60, 80)]]) == [(0, 50), (60, 95)]


def test_a_title_over_two_columns_hides_no_space_between_them() -> None:
    assert standing_apart(lines_of([[(10, 95)], [(0, 50), (60, 90)]])) is None
    assert edges([[(10, 95)], [(0, 50), (60, 90)]]) == [(0, 50), (60, 90)]


def test_columns_that_no_line_fills_together_are_one() -> None:
    assert edges([[(0, 50)], [(60, 90)]]) == [(0, 90)]
