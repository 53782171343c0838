"""What becomes of one page that a reader has read: finished, or handed out as pixels for OCR."""

from __future__ import annotations

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.model.page import LaidOutPage, PageStatus, PageSummary, RawPage

_REPLACEMENT = "\ufffd"
_MOST_UNREADABLE = 0.3


def has_usable_text(page: RawPage) -> bool:
    """Tell whether the text layer is worth keeping: there is text, and most of it stands for known characters."""
    visible = len("".join(page.text.split()))
    return visible > 0 and page.text.count(_REPLACEMENT) <= _MOST_UNREADABLE * visible


def finished(page: RawPage | LaidOutPage) -> LaidOutPage:
    """Lay out a page unless its reader did."""
    return page if isinstance(page, LaidOutPage) else lay_out(page)


def needs_ocr(page: RawPage | LaidOutPage) -> bool:
    """Tell whether a page shows something, but holds no usable text."""
    return isinstance(page, RawPage) and page.drawn and not has_usable_text(page)


def summary(page: LaidOutPage) -> PageSummary:
    """Give what the worker remembers of a finished page."""
    return PageSummary(
        number=page.number,
        status=PageStatus.PARSED,
        engine=page.engine,
        reason=page.reason,
        characters=len(page.text),
        confidence=page.confidence,
    )


def failure(number: int, error: ErrorReport) -> PageSummary:
    """Give what the worker remembers of a page that failed."""
    return PageSummary(number=number, status=PageStatus.FAILED, error=error)
