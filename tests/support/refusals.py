"""How many right and spoiled answers the witness checks refuse."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from llamaparse_worker.mode.witness import Check, Evidence, Severity, Source, evidence_of, judge, upheld
from support.corruptions import KINDS, PROMISED
from support.variations import VARIATIONS
from support.witness_samples import Sample

RIGHT = ("right: truth", "right: fast")
VARIED = tuple(f"right: {name}" for name in VARIATIONS)


Statement = tuple[Check, str, str]
"""What tells a finding from others: ``Finding.statement``."""


@dataclass
class Tally:
    """How many answers were refused, and by which checks."""

    judged: int = 0
    refused: int = 0
    refused_again: int = 0
    """Where the model sees the page and says the same again, told of what OCR has against it."""
    checks: Counter[Check] = field(default_factory=Counter)


def measure(
    found: Iterable[Sample], rounds: int, told: Callable[[str, str, str], None] = lambda *_: None
) -> dict[str, Tally]:
    """Judge right and spoiled answers of each page."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for sample in found:
        page = evidence_of(sample.page)
        if page.source is Source.NOBODY:
            continue
        known = _count(tallies["right: truth"], sample, sample.truth, page, told, "right: truth")
        _count(tallies["right: fast"], sample, sample.own, page, told, "right: fast")
        for name, vary in VARIATIONS.items():
            again = vary(sample.truth, Random(f"{sample.name} {name}"))
            if again != sample.truth:
                _count(tallies[f"right: {name}"], sample, again, page, told, f"right: {name}", "", known)
        for kind, spoil in KINDS.items():
            for number in range(rounds):
                made = spoil(sample.truth, Random(f"{sample.name} {kind} {number}"))
                if made is not None:
                    _count(tallies[kind], sample, made.markdown, page, told, kind, made.text, known)
    return tallies


def _count(
    tally: Tally,
    sample: Sample,
    answer: str,
    page: Evidence,
    told: Callable[[str, str, str], None],
    kind: str,
    wrong: str = "",
    known: frozenset[Statement] = frozenset(),
) -> frozenset[Statement]:
    """Judge an answer; gives what speaks against it. What is ``known`` to speak against the truth is no detection."""
    judgement = judge(answer, page)
    tally.judged += 1
    errors = [
        finding
        for finding in judgement.findings
        if finding.severity is Severity.ERROR and finding.statement not in known
    ]
    tally.refused += bool(errors)
    again = upheld(judgement, judgement) if page.source is Source.OCR else judgement
    tally.refused_again += any(one.severity is Severity.ERROR and one.statement not in known for one in again.findings)
    tally.checks.update({finding.check for finding in errors})
    if bool(errors) == kind.startswith("right"):
        told(kind, sample.name, f"{wrong!r}  " + " ".join(f"[{one.check}] {one.sentence}" for one in errors[:4]))
    return frozenset(one.statement for one in errors)


def report(tallies: dict[str, Tally]) -> str:
    """Give the table, and the two figures that are promised."""
    lines = [f"{'answers':28} {'judged':>7} {'refused':>8} {'share':>8} {'again':>8}  by"]
    for kind, tally in tallies.items():
        by = ", ".join(f"{check} {count}" for check, count in tally.checks.most_common(4))
        share = tally.refused / tally.judged
        counts = f"{tally.judged:7} {tally.refused:8} {share:8.2%} {tally.refused_again:8}"
        lines.append(f"{kind:28} {counts}  {by}")
    for title, kinds in (("promised kinds", PROMISED), ("right answers", RIGHT), ("right answers, varied", VARIED)):
        judged = sum(tallies[kind].judged for kind in kinds if kind in tallies)
        refused = sum(tallies[kind].refused for kind in kinds if kind in tallies)
        lines.append(f"{title:28} {judged:7} {refused:8} {refused / max(1, judged):8.2%}")
    return "\n".join(lines)
