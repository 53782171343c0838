"""What the modes above fast have in common: which pages are asked about, and which of them together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
from pydantic import BaseModel

from llamaparse_worker.interfaces import Mode, PageView
from llamaparse_worker.mode.asking import Asking
from llamaparse_worker.mode.component import ModelMode
from llamaparse_worker.mode.estimates import fit_one_answer
from llamaparse_worker.mode.joint import drafts
from llamaparse_worker.mode.pictures import Pictures
from llamaparse_worker.mode.plan import why_skipped
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.questions import Questions
from llamaparse_worker.mode.seen import as_seen, delivered
from llamaparse_worker.mode.work import Work
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import CheckNote, Refinement, Verdict
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.spending import Flow
from llamaparse_worker.throttle.router import Router

_MOST_TOGETHER = 8
"""Pages in one question, however short: an answer is the less to be relied on the longer it is."""


class Refiner:
    """A mode that asks models: the seams ``Mode`` and ``JointMode`` for a policy."""

    def __init__(self, router: Router, policy: Policy) -> None:
        self._router = router
        self._policy = policy

    @property
    def refines(self) -> bool:
        """Always."""
        return True

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: Flow) -> LaidOutPage:
        """Give a better page, or the same with the reason; see ``Mode``."""
        reason = self._why_skipped(as_seen(page), options)
        if reason is not None:
            record = Refinement(verdict=Verdict.SKIPPED, notes=(CheckNote("plan", reason),))
            return replace(page, refinement=record)
        return delivered(page, await self._work(as_seen(page), view, options, flow).better())

    def go_together(self, pages: Sequence[LaidOutPage], options: ParseOptions) -> bool:
        """Tell whether one answer can hold all pages, and each is one to ask about; see ``JointMode``."""
        if len(pages) > _MOST_TOGETHER or options.prompts.user:
            return False
        seen = list(map(as_seen, pages))
        asked = all(self._why_skipped(page, options) is None for page in seen)
        return asked and fit_one_answer([page.text for page in seen], self._most_output)

    async def refine_together(
        self, pages: Sequence[LaidOutPage], views: Sequence[PageView], options: ParseOptions, *, flow: Flow
    ) -> Sequence[LaidOutPage]:
        """Draft all pages in one call and go on with each by itself; see ``JointMode``."""
        works = [self._work(as_seen(page), view, options, flow) for page, view in zip(pages, views, strict=True)]
        caps = self._policy.caps.times(len(works))
        found = await drafts(works, Asking(self._router, self._policy.mode, flow, caps), self._most_output)
        better = list(pages)

        async def go_on(at: int, work: Work) -> None:
            better[at] = delivered(pages[at], await work.better(found.get(work.number)))

        with one_error():
            async with anyio.create_task_group() as tasks:
                for at, work in enumerate(works):
                    tasks.start_soon(go_on, at, work)
        return better

    def _why_skipped(self, page: LaidOutPage, options: ParseOptions) -> str | None:
        return why_skipped(page, options, sees=self._policy.sees, most_output=self._policy.caps.output_tokens)

    def _work(self, page: LaidOutPage, view: PageView, options: ParseOptions, flow: Flow) -> Work:
        policy = self._policy
        pictures = None
        if policy.sees:
            pictures = Pictures(view, page, self._router.deployments(policy.mode, images=True))
        asking = Asking(self._router, policy.mode, flow, policy.caps)
        questions = Questions(page, options, policy.mode, pictures)
        return Work(page, policy, asking, questions, by_form=bool(options.prompts.user))

    @property
    def _most_output(self) -> int | None:
        """The most tokens that every deployment of the mode may answer with, where that is known."""
        reached = self._router.deployments(self._policy.mode, images=self._policy.sees)
        known = [one.profile.max_output_tokens for one in reached if one.profile.max_output_tokens is not None]
        return min(known, default=None)


class NoSettings(BaseModel, frozen=True):
    """There is nothing to be set."""


def refining(policy: Policy) -> ModelMode[NoSettings]:
    """Offer the mode of a policy."""

    @asynccontextmanager
    async def opened(_settings: NoSettings, router: Router) -> AsyncIterator[Mode]:
        yield Refiner(router, policy)

    return ModelMode(NoSettings, policy.sees, opened)
