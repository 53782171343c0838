"""Reads what is filled in the forms of a page, when a job asks for it."""

from __future__ import annotations

from llamaparse_worker.interfaces import Fillable, OpenDocument
from llamaparse_worker.layout.form_values import with_form_values
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage


def with_forms(page: RawPage | LaidOutPage, pages: OpenDocument, options: ParseOptions) -> RawPage | LaidOutPage:
    """Give the page with the values of its fields among its text."""
    if not options.form_values or isinstance(page, LaidOutPage) or not isinstance(pages, Fillable):
        return page
    return with_form_values(page, tuple(pages.fields(page.number)))
