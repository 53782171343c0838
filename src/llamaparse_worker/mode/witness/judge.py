"""The judgement on an answer: which checks ran, what they found, and how good it is beside others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llamaparse_worker.mode.witness.alignment import align
from llamaparse_worker.mode.witness.answer import parse_answer
from llamaparse_worker.mode.witness.content import Case, content_findings, precision, recall
from llamaparse_worker.mode.witness.evidence import Evidence, Source
from llamaparse_worker.mode.witness.finding import Check, Finding, Severity
from llamaparse_worker.mode.witness.form import form_findings
from llamaparse_worker.mode.witness.tables import table_findings

_BY_FORM = (Check.EMPTY, Check.CUT_OFF, Check.LOOP, Check.CHAT, Check.FENCE)
_READ_OTHERWISE = frozenset({Check.NUMBERS, Check.IDENTIFIERS, Check.LOSS, Check.ROWS})
"""What a reader that mistakes letters finds in a right answer: not whole sentences that are new."""
_LEAST_SHARED = 0.8
"""Share of the page, and of an answer, that both must have for one to be the other's text at all."""
_ERROR, _REMARK = 0.1, 0.01
_LONG_ANYWAY = 50_000
_MOST_TIMES_THE_PAGE = 10
"""Characters of an answer from which on it is not worth a look, nor the time; tags are the most of some tables."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the checks say of one answer."""

    checks: tuple[Check, ...]
    """Those that ran: without a reading of the page to compare with, an answer is judged by its form alone."""
    findings: tuple[Finding, ...]
    recall: float
    """Share of the page that the answer has, from 0 to 1, by characters."""
    precision: float
    """Share of the answer that the page has."""

    @property
    def passes(self) -> bool:
        """Whether nothing forbids to deliver the answer."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    @property
    def score(self) -> float:
        """Rank the answer among others for the same page: the higher the better, 1 at most.

        The harmonic mean of recall and precision, less a part for each finding. Any answer that passes is above any
        that does not.
        """
        total = self.recall + self.precision
        agreed = 2 * self.recall * self.precision / total if total else 0.0
        errors = sum(finding.severity is Severity.ERROR for finding in self.findings)
        remarks = len(self.findings) - errors
        return agreed / (1 + _ERROR * errors + _REMARK * remarks) - (errors > 0)


def upheld(again: Judgement, first: Judgement) -> Judgement:
    """Weigh the answer of a model that sees the page and was told what OCR has against its ``first`` one.

    What speaks against both in the same words is no error: the page was read twice, the second time in view of what
    OCR says, with the same result. Not so words in a row that OCR has read and is sure of, nor new sentences, nor the
    form of an answer; and answer and page must share most of their text.
    """
    if min(again.recall, again.precision) < _LEAST_SHARED:
        return again
    known = {one.statement for one in first.findings if one.check in _READ_OTHERWISE and not one.is_firm}
    findings = (replace(one, severity=Severity.REMARK) if one.statement in known else one for one in again.findings)
    return replace(again, findings=tuple(findings))


def judge(markdown: str, page: Evidence, *, cut_off: bool = False) -> Judgement:
    """Judge an answer by what its page says.

    ``cut_off`` says that the model stopped because it had no tokens left.
    """
    if len(markdown) > max(_LONG_ANYWAY, _MOST_TIMES_THE_PAGE * len(page.tokens.text)):
        return Judgement((Check.NOVELTY,), (Finding(Check.NOVELTY, Severity.ERROR),), 0.0, 0.0)
    answer = parse_answer(markdown)
    case = Case(answer, page, align(answer.tokens, page.tokens))
    found = list(form_findings(case, cut_off=cut_off))
    if page.source is Source.NOBODY:
        return Judgement(_BY_FORM, tuple(found), 1.0, 1.0)
    if all(finding.check is not Check.EMPTY for finding in found):
        found += content_findings(case)
        found += table_findings(case)
    return Judgement(tuple(Check), tuple(found), recall(case), precision(case))
