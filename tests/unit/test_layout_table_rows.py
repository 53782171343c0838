"""Which lines of a table are further lines of the cells above."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.columns import Strip
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_rows import row_groups

COLUMNS = [Strip(50, 190), Strip(200, 390), Strip(400, 490)]
STARTS = (50.0, 200.0, 400.0)
LETTER_PT, PITCH_PT = 5.0, 12.0


def rows(*lines: Sequence[str], widest: Sequence[int] = (28, 38, 18)) -> list[list[str]]:
    """Give the texts of each row of lines that are evenly set; an empty text is an empty cell."""
    columns = [Strip(start, start + LETTER_PT * count) for start, count in zip(STARTS, widest, strict=True)]
    placed = [
        [
            Segment(x, 100 + PITCH_PT * at, x + LETTER_PT * len(text), 110 + PITCH_PT * at, 10, text)
            for x, text in zip(STARTS, line, strict=False)
            if text
        ]
        for at, line in enumerate(lines)
    ]
    return [[" ".join(one.text for one in line) for line in group] for group in row_groups(placed, columns)]


def test_where_every_line_has_a_label_each_is_a_row() -> None:
    found = rows(
        ("fast_and_without_any_questions", "nothing is asked about the page at all"),
        ("multimodal_with_pictures_to_see", "a picture of the page and its own text"),
        ("agentic_with_repairs_of_places", "the same and then pictures of places."),
    )

    assert [len(group) for group in found] == [1, 1, 1]


def test_a_label_that_breaks_off_goes_on_in_the_next_line() -> None:
    found = rows(
        ("FastAPI and then also Django /", "http", "request."),
        ("Flask and then Starlette too", "", "duration"),
        ("Cloud metrics of all kinds at", "varies", "all of them."),
    )

    assert found[0] == ["FastAPI and then also Django / http request.", "Flask and then Starlette too duration"]


def test_lines_without_a_label_belong_to_the_row_above() -> None:
    found = rows(("verdict", "nobody was asked about this page, as it"), ("", "is blank."), ("prompt", "the version."))

    assert [len(group) for group in found] == [2, 1]


def test_cells_that_have_ended_do_not_go_on_beside_a_label_in_small_letters() -> None:
    found = rows(
        ("hardware.driver.of.graphics_", "the version of its driver", "10.2.1"),
        ("version",),
        ("hardware.firmware.of.graphics_", "the version of its firmware", "2.0"),
        ("version",),
        ("hardware.model.of.graphics", "the name of the model, as its maker", "unknown"),
        ("", "has it"),
    )

    assert [len(group) for group in found] == [2, 2, 2]


def test_a_line_of_single_words_in_all_columns_is_a_row_below_the_titles() -> None:
    found = rows(
        ("", "the locale that is asked for", "the mode"),
        ("sys.stdin, then sys.stdout too", "locale/strict_and_surrogateescape_too", "on"),
        ("sys.stderr_of_the_same_program", "locale/backslashreplace_of_all_others", "on"),
    )

    assert [len(group) for group in found] == [1, 1, 1]


def test_labels_beside_a_lower_line_begin_rows_too() -> None:
    """A page that leans has the second cell of a row so low that it is a line of its own."""
    placed = [[(100, 50.0, "one")], [(108, 200.0, "first")], [(121, 50.0, "two"), (121, 200.0, "second")]]
    lines = [[Segment(x, y, x + LETTER_PT * len(text), y + 12, 10, text) for y, x, text in line] for line in placed]

    assert [len(group) for group in row_groups(lines, COLUMNS)] == [2, 1]


CELLS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(STARTS),
        st.integers(-6, 6),
        st.sampled_from(["a", "12", "Label /", "long text that fills its cell", "x" * 60]),
    ),
    min_size=1,
    max_size=12,
)


@given(CELLS)
def test_no_line_is_lost_or_doubled_however_they_lie(cells: list[tuple[int, float, int, str]]) -> None:
    """Lines that overlap, as a page that leans gives them, have their labels anywhere."""
    found = [
        Segment(x, 100 + PITCH_PT * row + lean, x + LETTER_PT * len(text), 112 + PITCH_PT * row + lean, 10, text)
        for row, x, lean, text in cells
    ]
    lines = baselines(found)

    grouped = [line for group in row_groups(lines, COLUMNS) for line in group]

    assert sorted(map(id, grouped)) == sorted(map(id, lines))
