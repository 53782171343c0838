"""What the modes do for one page: a draft by a model, checks, at most some repairs, and the better text.

A page is never worse off than without the mode: only an answer that passes the checks takes the place of what layout
found; in every other case the page is given as it was, and its record says why. Parsing and checking an answer takes
up to tenths of a second, so threads do it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from llamaparse_worker.computing import computed
from llamaparse_worker.layout.plain import plain_text
from llamaparse_worker.mode.asking import Asking, NoAnswer, Question
from llamaparse_worker.mode.checks import (
    Check,
    Evidence,
    Judgement,
    Severity,
    evidence_of,
    has_witness,
    judged,
    may_misread,
    upheld,
)
from llamaparse_worker.mode.markdown import bare, blocks_of
from llamaparse_worker.mode.placing import placed, whole
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.questions import Questions
from llamaparse_worker.mode.regions import Region, mended, regions_of
from llamaparse_worker.mode.wording import joined, parts_of
from llamaparse_worker.model.blocks import Block, CodeBlock
from llamaparse_worker.model.genai import EndReason
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import CheckNote, Refinement, Verdict

_NOT_WORTH_MENDING = frozenset({Check.EMPTY, Check.LOOP, Check.CHAT, Check.CUT_OFF})
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer, the question that it was given to, and what the checks say of it."""

    markdown: str
    question: Question
    judgement: Judgement
    blocks: tuple[Block, ...] | None = None
    """It as blocks, each where the page has it; None as long as the checks forbid to deliver it."""

    def has(self, checks: Collection[Check]) -> bool:
        """Tell whether one of these checks forbids to deliver it."""
        return any(one.severity is Severity.ERROR and one.check in checks for one in self.judgement.findings)


class Work:
    """What is done for one page."""

    def __init__(
        self,
        page: LaidOutPage,
        policy: Policy,
        asking: Asking,
        questions: Questions,
        *,
        by_form: bool,
    ) -> None:
        self._page = page
        self._policy = policy
        self.asking = asking
        self.questions = questions
        self._by_form = by_form
        self._is_code = bool(page.blocks) and all(isinstance(block, CodeBlock) for block in page.blocks)
        self._reasons: list[str] = []
        """Why nothing more was asked."""
        self._together: tuple[int, ...] = ()

    @cached_property
    def _evidence(self) -> Evidence:
        """What the page says. Made by a thread, and not before there is an answer: it is large, and many pages wait."""
        return evidence_of(self._page)

    @property
    def number(self) -> int:
        """The number of the page."""
        return self._page.number

    async def better(self, draft: Candidate | None = None) -> LaidOutPage:
        """Give the page with the best answer if that passes, or as it was; a draft is asked for unless there is one."""
        best = draft
        verdict = Verdict.ANSWERED
        try:
            best = best or await self._draft()
            for _ in range(self._policy.repairs):
                if best.judgement.passes:
                    break
                found = self._upheld(await self._repaired(best), best)
                if found.judgement.score <= best.judgement.score:
                    break  # what has not helped once is not tried again
                best, verdict = found, Verdict.REPAIRED
        except NoAnswer as error:
            self._reasons.append(str(error))
        blocks: tuple[Block, ...] = ()
        if best is not None and best.judgement.passes:
            blocks = await computed(self._blocks, best.markdown) if best.blocks is None else best.blocks
        record = self._record(verdict if blocks else Verdict.KEPT, best)
        return self._refined(blocks, record) if blocks else replace(self._page, refinement=record)

    async def drafted(self, answer: str, question: Question, together: tuple[int, ...]) -> Candidate:
        """Judge what an answer for several pages says of this one.

        Args:
            answer: the part of it for this page.
            question: the one about this page alone, which repairs start from.
            together: the pages that were asked about.
        """
        self._together = together
        return await self._judged(answer, question, cut_off=False)

    async def _draft(self) -> Candidate:
        question = await self.questions.draft()
        try:
            return await self._answer(question)
        except NoAnswer as error:
            if not error.may_be_lighter:
                raise
            self._reasons.append(str(error))
        return await self._answer(await self.questions.draft(lighter=True))

    async def _answer(self, question: Question) -> Candidate:
        """Have a question answered; an answer that was cut off goes on once, unless it only repeats itself."""
        answer = await self.asking.ask(question)
        cut_off = answer.end is EndReason.LENGTH
        found = await self._judged(answer.text, question, cut_off=cut_off)
        if not cut_off or found.has({Check.LOOP}):
            return found
        going_on = self.questions.rest(question, answer.text)
        if not self.asking.allows(going_on):
            return found
        rest = await self.asking.ask(going_on)
        return await self._judged(joined(answer.text, rest.text), question, cut_off=rest.end is EndReason.LENGTH)

    async def _repaired(self, best: Candidate) -> Candidate:
        faults = [one.sentence for one in best.judgement.findings if one.severity is Severity.ERROR]
        worth_mending = not best.has(_NOT_WORTH_MENDING)
        if self._policy.by_region and worth_mending:
            regions = await computed(self._regions, best)
            question = await self.questions.repair_of(regions) if regions else None
            if question is not None:
                return await self._patched(best, regions, question)
        return await self._answer(self.questions.repair(best.question, best.markdown if worth_mending else "", faults))

    def _upheld(self, again: Candidate, best: Candidate) -> Candidate:
        """Take the word of a model that sees the page, and says the same twice, against that of OCR."""
        if self._policy.sees and may_misread(self._evidence):
            return replace(again, judgement=upheld(again.judgement, best.judgement))
        return again

    async def _patched(self, best: Candidate, regions: Sequence[Region], question: Question) -> Candidate:
        answer = await self.asking.ask(question)
        parts = parts_of(bare(answer.text), len(regions))
        if parts is None or answer.end is EndReason.LENGTH:
            return best
        return await self._judged(mended(best.markdown, regions, parts), best.question, cut_off=False)

    def _regions(self, best: Candidate) -> tuple[Region, ...]:
        return regions_of(best.markdown, best.judgement.findings, self._page, self._evidence)

    async def _judged(self, answer: str, question: Question, *, cut_off: bool) -> Candidate:
        def judge() -> Candidate:
            text = bare(answer, is_code=self._is_code)
            found = judged(text, self._evidence, cut_off=cut_off, by_form=self._by_form)
            # What passes is delivered: one hand-over to a thread does for both.
            return Candidate(text, question, found, self._blocks(text) if found.passes else None)

        return await computed(judge)

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
            prompt=self.questions.prompt.name,
            calls=tuple(self.asking.calls),
            together=self._together,
            checks=() if best is None else tuple(map(str, best.judgement.checks)),
            notes=tuple(notes),
            failures=tuple(dict.fromkeys((*self.asking.failures, *self._reasons))),
        )
