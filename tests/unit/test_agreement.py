from __future__ import annotations

from collections import Counter

import pytest

from support.agreement import cell_f1, nested, similarity


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 1.0),
        ("abc", "", 0.0),
        ("abc", "abc", 1.0),
        ("a  b\n", "a b", 1.0),
        ("abcd", "abxd", 0.75),
        ("ab", "ba", 0.5),
    ],
)
def test_similarity_counts_the_characters_that_both_have_in_order(one: str, other: str, expected: float) -> None:
    assert similarity(one, other) == pytest.approx(expected)
    assert similarity(other, one) == pytest.approx(expected)


def test_headings_count_that_stand_below_the_right_one_whatever_their_absolute_levels() -> None:
    wanted = [(1, "Harbour"), (2, "Water"), (3, "Depth"), (2, "Stone")]
    assert nested([(2, "Harbour"), (3, "Water"), (4, "Depth"), (3, "Stone")], wanted) == 1.0
    assert nested([(1, "Harbour"), (2, "Water"), (2, "Depth"), (2, "Stone")], wanted) == 0.75
    assert nested([(1, "Harbour"), (2, "Water"), (2, "Stone")], wanted) == 0.75
    assert nested([*wanted, (2, "Made up from nothing")], wanted) == 0.8
    assert nested([], []) == 1.0


def test_cells_count_in_their_row_and_column_and_tables_found_or_lost_cost() -> None:
    table = Counter([(0, 0, "Place"), (1, 0, "Mill")])
    moved = Counter([(0, 1, "Place"), (1, 0, "Mill")])
    assert cell_f1([table], [table]) == 1.0
    assert cell_f1([moved], [table]) == 0.5
    assert cell_f1([table, moved], [table]) == pytest.approx(2 / 3)
    assert cell_f1([moved, table], [table, moved]) == 1.0
    assert cell_f1([], [table]) == 0.0
    assert cell_f1([], []) == 1.0
