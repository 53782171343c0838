"""What the modes above fast have in common: a draft by a model, checks, at most some repairs, and the better text.

A page is never worse off than without the mode: only an answer that passes the checks takes the place of what layout
found; in every other case the page is given as it was, and its record says why. Parsing and checking an answer takes
up to tenths of a second, so threads do it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from anyio import to_thread
from pydantic import BaseModel

from llamaparse_worker.interfaces import Mode, PageView
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.mode.asking import Asking, Caps, NoAnswer, Question
from llamaparse_worker.mode.checks import Check, Evidence, Judgement, Severity, evidence_of, has_witness, judged
from llamaparse_worker.mode.component import ModelMode
from llamaparse_worker.mode.markdown import bare, blocks_of
from llamaparse_worker.mode.pictures import Pictures
from llamaparse_worker.mode.placing import placed, whole
from llamaparse_worker.mode.plan import why_skipped
from llamaparse_worker.mode.questions import Questions
from llamaparse_worker.mode.regions import Region, mended, regions_of
from llamaparse_worker.mode.wording import joined, parts_of
from llamaparse_worker.model.blocks import Block, CodeBlock
from llamaparse_worker.model.genai import EndReason
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import CheckNote, Refinement, Verdict
from llamaparse_worker.throttle.router import Router

_NOT_WORTH_MENDING = frozenset({Check.EMPTY, Check.LOOP, Check.CHAT, Check.CUT_OFF})
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a mode does with a page."""

    mode: ModeName
    caps: Caps
    sees: bool
    """Whether models are shown the page, with a part of its text; else they are given all of its text."""
    repairs: int
    """How many rounds of repair an answer may have."""
    by_region: bool = False
    """Whether repairs look at parts of the page where they can."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer, the question that it was given to, and what the checks say of it."""

    markdown: str
    question: Question
    judgement: Judgement

    def has(self, checks: Collection[Check]) -> bool:
        """Tell whether one of these checks forbids to deliver it."""
        return any(one.severity is Severity.ERROR and one.check in checks for one in self.judgement.findings)


class Refiner:
    """A mode that asks models: the seam ``Mode`` for a policy."""

    def __init__(self, router: Router, policy: Policy) -> None:
        self._router = router
        self._policy = policy

    @property
    def refines(self) -> bool:
        """Always."""
        return True

    async def refine(self, page: LaidOutPage, view: PageView, options: ParseOptions, *, flow: str) -> LaidOutPage:
        """Give a better page, or the same with the reason; see ``Mode``."""
        policy = self._policy
        reason = why_skipped(page, options, sees=policy.sees, most_output=policy.caps.output_tokens)
        if reason is not None:
            record = Refinement(verdict=Verdict.SKIPPED, notes=(CheckNote("plan", reason),))
            return replace(page, refinement=record)
        pictures = None
        if policy.sees:
            pictures = Pictures(view, page, self._router.deployments(policy.mode, images=True))
        evidence = await to_thread.run_sync(evidence_of, page)
        asking = Asking(self._router, policy.mode, flow, policy.caps)
        questions = Questions(page, options, policy.mode, pictures)
        work = _Work(page, policy, asking, questions, evidence, by_form=bool(options.prompts.user))
        return await work.better()


class _Work:
    """What is done for one page."""

    def __init__(
        self,
        page: LaidOutPage,
        policy: Policy,
        asking: Asking,
        questions: Questions,
        evidence: Evidence,
        *,
        by_form: bool,
    ) -> None:
        self._page = page
        self._policy = policy
        self._asking = asking
        self._questions = questions
        self._evidence = evidence
        self._by_form = by_form
        self._is_code = bool(page.blocks) and all(isinstance(block, CodeBlock) for block in page.blocks)
        self._reasons: list[str] = []
        """Why nothing more was asked."""

    async def better(self) -> LaidOutPage:
        """Give the page with the best answer if that passes, or as it was."""
        best: Candidate | None = None
        verdict = Verdict.ANSWERED
        try:
            best = await self._draft()
            for _ in range(self._policy.repairs):
                if best.judgement.passes:
                    break
                found = await self._repaired(best)
                if found.judgement.score <= best.judgement.score:
                    break  # what has not helped once is not tried again
                best, verdict = found, Verdict.REPAIRED
        except NoAnswer as error:
            self._reasons.append(str(error))
        blocks: tuple[Block, ...] = ()
        if best is not None and best.judgement.passes:
            blocks = await to_thread.run_sync(self._blocks, best.markdown)
        record = self._record(verdict if blocks else Verdict.KEPT, best)
        return self._refined(blocks, record) if blocks else replace(self._page, refinement=record)

    async def _draft(self) -> Candidate:
        question = await self._questions.draft()
        try:
            return await self._answer(question)
        except NoAnswer as error:
            if not error.may_be_lighter:
                raise
            self._reasons.append(str(error))
        return await self._answer(await self._questions.draft(lighter=True))

    async def _answer(self, question: Question) -> Candidate:
        """Have a question answered; an answer that was cut off goes on once, unless it only repeats itself."""
        answer = await self._asking.ask(question)
        cut_off = answer.end is EndReason.LENGTH
        found = await self._judged(answer.text, question, cut_off=cut_off)
        going_on = self._questions.rest(question, answer.text)
        if not cut_off or found.has({Check.LOOP}) or not self._asking.allows(going_on):
            return found
        rest = await self._asking.ask(going_on)
        return await self._judged(joined(answer.text, rest.text), question, cut_off=rest.end is EndReason.LENGTH)

    async def _repaired(self, best: Candidate) -> Candidate:
        faults = [one.sentence for one in best.judgement.findings if one.severity is Severity.ERROR]
        worth_mending = not best.has(_NOT_WORTH_MENDING)
        if self._policy.by_region and worth_mending:
            regions = await to_thread.run_sync(self._regions, best)
            question = await self._questions.repair_of(regions) if regions else None
            if question is not None:
                return await self._patched(best, regions, question)
        return await self._answer(self._questions.repair(best.question, best.markdown if worth_mending else "", faults))

    async def _patched(self, best: Candidate, regions: Sequence[Region], question: Question) -> Candidate:
        answer = await self._asking.ask(question)
        parts = parts_of(bare(answer.text), len(regions))
        if parts is None or answer.end is EndReason.LENGTH:
            return best
        return await self._judged(mended(best.markdown, regions, parts), best.question, cut_off=False)

    def _regions(self, best: Candidate) -> tuple[Region, ...]:
        return regions_of(best.markdown, best.judgement.findings, self._page, self._evidence)

    async def _judged(self, answer: str, question: Question, *, cut_off: bool) -> Candidate:
        def judge() -> Candidate:
            text = bare(answer, is_code=self._is_code)
            return Candidate(text, question, judged(text, self._evidence, cut_off=cut_off, by_form=self._by_form))

        return await to_thread.run_sync(judge)

    def _blocks(self, markdown: str) -> tuple[Block, ...]:
        return placed(blocks_of(markdown, whole(self._page)), self._page, self._evidence)

    def _refined(self, blocks: tuple[Block, ...], record: Refinement) -> LaidOutPage:
        page = self._page
        text = page.text if page.text_is_placed and page.text.strip() else plain_text(blocks)
        better = replace(page, blocks=blocks, text=text, refinement=record)
        if has_witness(self._evidence):
            return better
        return replace(better, engine=record.calls[-1].deployment, reason=None)  # nobody else could read it

    def _record(self, verdict: Verdict, best: Candidate | None) -> Refinement:
        findings = () if best is None else best.judgement.findings
        worst_first = sorted(findings, key=lambda one: one.severity is not Severity.ERROR)
        notes = [CheckNote(one.check, one.sentence) for one in worst_first[:_MOST_NOTES]]
        if best is not None and best.judgement.passes and verdict is Verdict.KEPT:
            notes.append(CheckNote(Check.EMPTY, "The answer has no text."))
        return Refinement(
            verdict=verdict,
            prompt=self._questions.prompt.name,
            calls=tuple(self._asking.calls),
            checks=() if best is None else tuple(map(str, best.judgement.checks)),
            notes=tuple(notes),
            failures=tuple(dict.fromkeys((*self._asking.failures, *self._reasons))),
        )


class NoSettings(BaseModel, frozen=True):
    """There is nothing to be set."""


def refining(policy: Policy) -> ModelMode[NoSettings]:
    """Offer the mode of a policy."""

    @asynccontextmanager
    async def opened(_settings: NoSettings, router: Router) -> AsyncIterator[Mode]:
        yield Refiner(router, policy)

    return ModelMode(NoSettings, policy.sees, opened)
