"""Selected pages are cut into ranges that hold each page once, and not more than they may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.job import PageError
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.ranges import PageRange, RangeRecord, RangeStatus, divided
from llamaparse_worker.pipeline.document import pages_in
from llamaparse_worker.pipeline.job import failed_pages

PAGES = st.sets(st.integers(1, 400), min_size=1).map(lambda pages: tuple(sorted(pages)))


@given(pages=PAGES, most=st.integers(1, 50))
def test_ranges_hold_each_page_once_and_are_few_and_alike(pages: tuple[int, ...], most: int) -> None:
    options = ParseOptions(target_pages=",".join(map(str, pages)))

    ranges = divided(pages, most)

    held = [pages_in(one, options) for one in ranges]
    assert [number for numbers in held for number in numbers] == list(pages)
    assert [(numbers[0], numbers[-1]) for numbers in held] == [(one.first, one.last) for one in ranges]
    sizes = {len(numbers) for numbers in held}
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert (len(ranges) - 1) * most < len(pages)


def test_pages_that_failed_are_told_apart_from_those_of_a_lost_range() -> None:
    options = ParseOptions(target_pages="1-3,5,9-12")
    slow = ErrorReport("TIMEOUT", "too slow")
    records = (
        RangeRecord(PageRange(1, 3), RangeStatus.COMPLETED, (PageError(2, slow),)),
        RangeRecord(PageRange(5, 10), RangeStatus.FAILED),
        RangeRecord(PageRange(11, 12), RangeStatus.PENDING),
    )

    found = {page.number: page.error for page in failed_pages(records, options)}

    assert list(found) == [2, 5, 9, 10]
    assert found[2] == slow
    assert {error.code for number, error in found.items() if error and number > 2} == {"ATTEMPTS_EXHAUSTED"}
    assert "5 to 10" in (found[9] or slow).message
