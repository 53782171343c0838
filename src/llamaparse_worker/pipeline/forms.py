"""Reads what is filled in the forms of a page, when a job asks for it."""

from __future__ import annotations

from dataclasses import replace

from llamaparse_worker.interfaces import Fillable, OpenDocument
from llamaparse_worker.layout.form_labels import with_labels
from llamaparse_worker.layout.form_values import with_form_values
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage


def with_forms(page: RawPage | LaidOutPage, pages: OpenDocument, options: ParseOptions) -> RawPage | LaidOutPage:
    """Give the page with its fields, and their values among its text."""
    if not options.form_values or isinstance(page, LaidOutPage) or not isinstance(pages, Fillable):
        return page
    fields = with_labels(page, tuple(pages.fields(page.number)))
    return replace(with_form_values(page, fields), fields=fields)
