"""What shows in an answer by itself: nothing in it, an end too soon, repetition, talk to its reader, stray fences."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence

from llamaparse_worker.mode.witness.alignment import UNPAIRED
from llamaparse_worker.mode.witness.content import Case
from llamaparse_worker.mode.witness.evidence import Source
from llamaparse_worker.mode.witness.finding import Check, Finding, Severity
from llamaparse_worker.mode.witness.tokens import Duty, runs

_LONGEST_PERIOD = 200
_LEAST_ROUNDS = 4
_LEAST_LOOP = 20
"""Tokens of a repetition, all rounds together."""
_LONG = 1000
"""Characters from which on a text is expected to be worth more than a tenth of them when packed."""
_LEAST_PACKED = 0.1
_MOST_TIMES_THE_PAGE = 2.0
_PHRASES = (
    r"(?:sure|certainly|of course|absolutely|okay|great)\b[^\n]{0,40}(?:!|,|:|here)",
    r"here(?:'s| is| are) (?:the|a|your|my)\b[^\n]{0,80}(?:markdown|transcri|conver|extract|content|text|page|docum)",
    r"(?:the|this) (?:image|page|document|picture|screenshot|scan) (?:shows|contains|depicts|appears|displays)",
    r"(?:the|this) (?:image|page|document|picture|screenshot|scan) is (?:a |an )?(?:image|scan|blank|page)",
    r"below is|the following (?:is|markdown)|as an ai\b|feel free to|i hope this",
    r"i(?:'ve| have) (?:converted|transcribed|extracted|formatted|preserved)",
    r"(?:i'm|i am|we're) (?:sorry|unable|not able)|i (?:cannot|can't|could not|couldn't|apologi[sz]e)",
    r"unfortunately,? i\b",
    r"(?:please )?let me know if|if you (?:need|want|would like|have any)\b",
    r"note: (?:the|this|i|some)\b[^\n]{0,80}(?:image|table|text|content|document|page|format)",
    r"\[?\(?(?:the )?(?:rest|remainder|remaining)\b[^\n]{0,60}(?:omitted|continues|truncated|same)",
    r"\[?(?:continued|truncated|illegible|end of page|end of document|content continues)\]?\W*$",
    r"hier ist|gerne[,!]|selbstverständlich|natürlich[,!]|leider kann ich|es tut mir leid|als ki\b",
    r"voici (?:le|la|les)\b|bien sûr|je suis désolé|malheureusement",
    r"aquí (?:está|tienes|tiene)|claro[,!]|por supuesto|lo siento",
    r"ecco (?:il|la)|certo[,!]|mi dispiace|aqui está|com certeza|desculpe",
    r"好的|当然|以下是|这是|抱歉|对不起|很抱歉|承知しました|以下は|以下に|申し訳",
)
_CHAT = re.compile(rf"^\W*(?:{'|'.join(_PHRASES)})", re.IGNORECASE | re.MULTILINE)
"""What models frame their answers in; an answer is accused of it only where the page does not say it."""


def form_findings(case: Case, *, cut_off: bool) -> Iterator[Finding]:
    """Give what is wrong with the form of an answer; ``cut_off`` says that the model reached its limit of tokens."""
    tokens = case.answer.tokens
    if not len(tokens):
        if any(token.duty is Duty.EXACT for token in case.page.tokens.all):
            yield Finding(Check.EMPTY, Severity.ERROR)
        return
    if cut_off or _ends_early(case):
        yield Finding(Check.CUT_OFF, Severity.ERROR, answer_text="")
    if case.answer.is_wrapped or case.answer.is_open:
        yield Finding(Check.FENCE, Severity.REMARK)
    yield from _loops(case)
    yield from _chat(case)


def _ends_early(case: Case) -> bool:
    """Tell whether a fence or table is open although the page goes on."""
    return case.answer.is_open and bool(case.lost) and case.lost[-1] == _last_duty(case)


def _last_duty(case: Case) -> int:
    found = (at for at in range(len(case.page.tokens) - 1, -1, -1) if case.page.tokens.all[at].duty is Duty.EXACT)
    return next(found, UNPAIRED)


def _loops(case: Case) -> Iterator[Finding]:
    tokens = case.answer.tokens
    if case.page.source is Source.NOBODY:
        unpaired = [(0, len(tokens))]
    else:
        unpaired = list(runs(sorted({*case.novel, *case.paired.stray})))
    for start, end in unpaired:
        period = _period(tokens.keys[start:end])
        if period:
            yield Finding(Check.LOOP, Severity.ERROR, tokens.slice(start, start + period), place=tokens.place(start))
            return
    text = case.answer.markdown
    if len(text) > max(_LONG, _MOST_TIMES_THE_PAGE * len(case.page.tokens.text)):
        packed = len(zlib.compress(text.encode("utf-8", "replace"), 1))
        if packed < _LEAST_PACKED * len(text):
            yield Finding(Check.LOOP, Severity.ERROR, text[-_LEAST_LOOP * 2 :].strip())


def _period(keys: Sequence[str]) -> int:
    """Give how many tokens are repeated at the end, 0 if none are."""
    for period in range(1, min(_LONGEST_PERIOD, len(keys) // 2) + 1):
        least = max(_LEAST_ROUNDS * period, _LEAST_LOOP) - period
        if least + period <= len(keys) and all(keys[-at - 1] == keys[-at - 1 - period] for at in range(least)):
            return period
    return 0


def _chat(case: Case) -> Iterator[Finding]:
    """Look for phrases that models frame their answers in, where they are not on the page."""
    tokens = case.answer.tokens
    lines: dict[int, list[int]] = {}
    for at, place in enumerate(tokens.places):
        lines.setdefault(place.line, []).append(at)
    for line, members in lines.items():
        found = _CHAT.match(tokens.slice(members[0], members[-1] + 1))
        if found is None:
            continue
        unheard = [at for at in members if case.paired.to_page[at] == UNPAIRED or at in case.paired.stray]
        if case.page.source is Source.NOBODY or 2 * len(unheard) > len(members):
            text = tokens.slice(members[0], members[-1] + 1)
            yield Finding(Check.CHAT, Severity.ERROR, text, place=tokens.place(members[0]) if line else None)
