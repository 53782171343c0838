"""A document is judged by its pages: never an empty success."""

from __future__ import annotations

from llamaparse_worker.errors import EmptyDocument, ErrorReport, TooManyFailedPages
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageReason, PageStatus, PageSummary
from llamaparse_worker.pipeline.verdict import judge


def text(number: int) -> PageSummary:
    return PageSummary(number, PageStatus.PARSED, engine="text_layer", characters=100)


def empty(number: int, reason: PageReason) -> PageSummary:
    return PageSummary(number, PageStatus.PARSED, engine="text_layer", reason=reason)


def failed(number: int) -> PageSummary:
    return PageSummary(number, PageStatus.FAILED, error=ErrorReport("PAGE_UNREADABLE", "torn"))


def test_one_page_of_text_makes_a_document_complete() -> None:
    verdict = judge([text(1), empty(2, PageReason.NO_TEXT)], ParseOptions(), ocr=False)
    assert verdict.error is None
    assert verdict.flags == ()


def test_truly_blank_pages_alone_complete_and_are_flagged() -> None:
    verdict = judge([empty(1, PageReason.BLANK), empty(2, PageReason.BLANK)], ParseOptions(), ocr=False)
    assert verdict.error is None
    assert verdict.flags == ("blank",)


def test_pages_that_show_something_but_hold_no_text_fail_and_name_the_remedy() -> None:
    verdict = judge([empty(1, PageReason.NO_TEXT), empty(2, PageReason.BLANK)], ParseOptions(), ocr=False)
    assert isinstance(verdict.error, EmptyDocument)
    assert "OCR is off" in verdict.error.message
    assert "OCR is off" not in str(judge([empty(1, PageReason.NO_TEXT)], ParseOptions(), ocr=True).error)


def test_failed_pages_are_tolerated_up_to_the_ratio() -> None:
    pages = [failed(1), *(text(number) for number in range(2, 21))]
    assert judge(pages, ParseOptions(), ocr=False).error is None
    error = judge(pages[:19], ParseOptions(), ocr=False).error
    assert isinstance(error, TooManyFailedPages)
    assert "page 1: PAGE_UNREADABLE, torn" in error.message
    assert judge(pages[:2], ParseOptions(allowed_page_failure_ratio=0.5), ocr=False).error is None
