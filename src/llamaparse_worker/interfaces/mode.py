"""Refinement of pages with a model's help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from llamaparse_worker.model.genai import Image
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.spending import Flow


class PageView(Protocol):
    """How one page looks."""

    async def picture(self, *, longest_side: int, part: Box | None = None) -> Image:
        """Draw the page in colour, or a part of it, as a JPEG whose longest side has so many pixels at most.

        Args:
            longest_side: in pixels.
            part: in points from the top left of the page as displayed.

        Raises:
            PageUnreadable: the page cannot be drawn.
        """
        ...


class Mode(Protocol):
    """Refines laid-out pages with a model's help. The mode fast has nothing to refine and never sees a page."""

    @property
    def refines(self) -> bool:
        """Whether ``refine`` is to be called at all; False keeps page text off the event loop."""
        ...

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        """Give a better page, with the record of what was done in its ``refinement``.

        A model that fails with a page, or answers what does not pass the checks, is no error: the page is given as it
        was, and its record says so. An outage of all models is waited for, but not for long.

        Args:
            page: as layout found it.
            view: how it looks.
            options: of the job.
            flow: the document, with which others take turns; once its calls have cost what they may, none is made.

        Raises:
            ModelsUnavailable: no model can be asked as things are; the job is tried again later.
            BackendUnavailable: there is none that could be.
        """
        ...


@runtime_checkable
class JointMode(Mode, Protocol):
    """A mode that can ask about several pages at once; one that cannot need not have this."""

    def go_together(self, pages: Sequence[LaidOutPage], options: ParseOptions) -> bool:
        """Tell whether pages that follow each other fit into one question."""
        ...

    async def refine_together(
        self, pages: Sequence[LaidOutPage], views: Sequence[PageView], options: ParseOptions, *, flow: Flow
    ) -> Sequence[LaidOutPage]:
        """Give as many better pages, as ``refine`` does; their calls are on record once.

        Raises:
            BackendUnavailable: no model can be asked as things are; the job is tried again later.
        """
        ...
