"""Judges a parsed document as a whole: completed, completed but blank, or failed with which code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.errors import EmptyDocument, PermanentError, TooManyFailedPages
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageReason, PageStatus, PageSummary

COST_LIMIT_FLAG = "cost_limit_reached"
"""Shown where pages are as the mode fast reads them because the job could not afford to ask about them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pages say about the document. ``flags`` are shown to the user beside the status."""

    error: PermanentError | None
    flags: tuple[str, ...] = ()


def judge(pages: Sequence[PageSummary], options: ParseOptions, *, ocr: bool) -> Verdict:
    """Decide over at least one page: too many failures, no text anywhere, or success.

    A document in which no page has text is never an empty success, unless all its pages are truly blank.
    """
    failed = [page for page in pages if page.status is PageStatus.FAILED]
    if len(failed) > options.allowed_page_failure_ratio * len(pages):
        first = failed[0].error
        cause = f"; page {failed[0].number}: {first.code}, {first.message}" if first else ""
        return Verdict(TooManyFailedPages(f"{len(failed)} of {len(pages)} pages failed{cause}"))
    if any(page.characters for page in pages):
        return Verdict(None)
    if all(page.reason is PageReason.BLANK for page in pages):
        return Verdict(None, flags=("blank",))
    hint = "" if ocr else "; OCR is off, so scanned pages cannot be read"
    return Verdict(EmptyDocument(f"none of the {len(pages)} pages holds text that could be read{hint}"))
