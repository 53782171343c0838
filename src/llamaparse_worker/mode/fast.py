"""The mode fast: what layout finds is the result; no model is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import BaseModel

from llamaparse_worker.interfaces import Component, Mode, PageView
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.spending import Flow


class FastSettings(BaseModel, frozen=True):
    """The mode fast has no settings."""


class Fast:
    """Leaves every page as layout found it."""

    @property
    def refines(self) -> bool:
        """Never: page text stays in the parser processes."""
        return False

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        """Give the page as it is."""
        del view, options, flow
        return page


@asynccontextmanager
async def open_fast(_settings: FastSettings) -> AsyncIterator[Mode]:
    """Yield the mode."""
    yield Fast()


component: Component[FastSettings, Mode] = Component(settings=FastSettings, open=open_fast)
