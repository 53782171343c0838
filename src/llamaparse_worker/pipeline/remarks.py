"""Reads comments and marked text of a page, when a job asks for them."""

from __future__ import annotations

from llamaparse_worker.interfaces import Annotated, OpenDocument
from llamaparse_worker.layout.remarks import with_comments, with_marks
from llamaparse_worker.layout.selection import crop_area, is_within
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage, Remark


def remarks_on(
    page: RawPage | LaidOutPage, pages: OpenDocument, options: ParseOptions
) -> tuple[RawPage | LaidOutPage, tuple[Remark, ...]]:
    """Give the page with its marked text, and all remarks on it."""
    if not options.annotate_revisions or isinstance(page, LaidOutPage) or not isinstance(pages, Annotated):
        return page, ()
    crop = options.crop_box
    area = Box(0, 0, page.width, page.height) if crop is None else crop_area(page.width, page.height, crop)
    remarks = tuple(remark for remark in pages.remarks(page.number) if is_within(remark.box, area))
    return with_marks(page, remarks), remarks


def commented(page: LaidOutPage, remarks: tuple[Remark, ...]) -> LaidOutPage:
    """Give the page with the comments on it."""
    return with_comments(page, remarks) if remarks else page
