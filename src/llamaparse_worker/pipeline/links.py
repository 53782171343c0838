"""Reads the links of a page, when a job asks for them."""

from __future__ import annotations

from llamaparse_worker.interfaces import Linked, OpenDocument
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, RawPage
from llamaparse_worker.model.value import changed


def with_page_links(page: RawPage | LaidOutPage, pages: OpenDocument, options: ParseOptions) -> RawPage | LaidOutPage:
    """Give the page with its links."""
    if not options.annotate_links or isinstance(page, LaidOutPage) or not isinstance(pages, Linked):
        return page
    return changed(page, links=(*page.links, *pages.links(page.number)))
