"""The judgement on an answer: which checks ran, what they found, and how good it is beside others."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.mode.witness.alignment import align
from llamaparse_worker.mode.witness.answer import parse_answer
from llamaparse_worker.mode.witness.content import Case, content_findings, precision, recall
from llamaparse_worker.mode.witness.evidence import Evidence, Source
from llamaparse_worker.mode.witness.finding import Check, Finding, Severity
from llamaparse_worker.mode.witness.form import form_findings
from llamaparse_worker.mode.witness.tables import table_findings

_BY_FORM = (Check.EMPTY, Check.CUT_OFF, Check.LOOP, Check.CHAT, Check.FENCE)
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
