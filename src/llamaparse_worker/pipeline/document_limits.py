"""What one document may ask for: pages, time and money, by the settings and by its own options."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.errors import TooManyPages
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.pipeline.pages import ReadingLimits
from llamaparse_worker.spending import Spending
from llamaparse_worker.wire import select_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """What one document may ask for."""

    max_pages: int
    timeout_base_s: float
    timeout_extra_per_page_s: float
    max_cost: float | None = None
    """Of the calls of models, unless the job brings its own limit."""
    reading: ReadingLimits

    def selected(self, options: ParseOptions, page_count: int) -> tuple[int, ...]:
        """Give the pages that are selected, ascending.

        Raises:
            TooManyPages: there are more than a document may have.
        """
        pages = select_pages(options, page_count)
        if len(pages) > self.max_pages:
            raise TooManyPages(f"{len(pages)} pages are selected; MAX_PAGES allows {self.max_pages}")
        return pages

    def base_time_s(self, options: ParseOptions) -> float:
        """Give the time that a document has however few pages it has."""
        given = options.timeout_base_s
        return self.timeout_base_s if given is None else given

    def page_time_s(self, options: ParseOptions) -> float:
        """Give the time that each page adds."""
        given = options.timeout_extra_per_page_s
        return self.timeout_extra_per_page_s if given is None else given

    def spending(self, options: ParseOptions) -> Spending:
        """Begin to count what a document costs."""
        return Spending(self.max_cost if options.max_cost is None else options.max_cost)
