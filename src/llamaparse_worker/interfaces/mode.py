"""Refinement of pages with a model's help."""

from __future__ import annotations

from typing import Protocol

from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage


class Mode(Protocol):
    """Refines laid-out pages with a model's help. The mode fast has nothing to refine and never sees a page."""

    @property
    def refines(self) -> bool:
        """Whether ``refine`` is to be called at all; False keeps page text off the event loop."""
        ...

    async def refine(self, page: LaidOutPage, options: ParseOptions) -> LaidOutPage:
        """Give a better page."""
        ...
