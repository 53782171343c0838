"""What becomes of one page that a reader has read: finished, or handed out as pixels for OCR."""

from __future__ import annotations

import re

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.layout.arrange import lay_out
from llamaparse_worker.model.page import LaidOutPage, PageStatus, PageSummary, RawPage

_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff]")
"""Characters without a meaning: replaced ones, and those of private use."""
_MOST_UNREADABLE = 0.3
_FEW_CHARACTERS = 50
_WHOLE_PAGE = 0.6


def has_usable_text(page: RawPage) -> bool:
    """Tell whether the text layer is worth keeping.

    Most of it must stand for known characters, and a few words over a picture of a whole page (a stamp or page number
    on a scan) are not its text.
    """
    visible = len("".join(page.text.split()))
    if not visible or len(_UNREADABLE.findall(page.text)) > _MOST_UNREADABLE * visible:
        return False
    return visible >= _FEW_CHARACTERS or _pictured_share(page) < _WHOLE_PAGE


def _pictured_share(page: RawPage) -> float:
    area = page.width * page.height
    return max((box.width * box.height / area for box in page.image_boxes), default=0.0) if area else 0.0


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
