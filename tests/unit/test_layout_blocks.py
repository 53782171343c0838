"""What is usual among the lines of a column."""

from __future__ import annotations

from statistics import quantiles

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.layout.lines import lower_quartile


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_the_lower_quartile_is_that_of_statistics(values: list[float]) -> None:
    assert lower_quartile(values) == quantiles(values, n=4)[0]
