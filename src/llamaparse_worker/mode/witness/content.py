"""Numbers, names and words, both ways: what the answer has and the page has not, and the reverse."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TypeVar

from llamaparse_worker.mode.witness.alignment import UNPAIRED, Alignment, Exchange
from llamaparse_worker.mode.witness.answer import Answer, Place
from llamaparse_worker.mode.witness.evidence import Evidence, Source, Stand
from llamaparse_worker.mode.witness.finding import Check, Finding, Severity
from llamaparse_worker.mode.witness.tokens import (
    Duty,
    Kind,
    Piece,
    Token,
    Tokens,
    is_identifier,
    runs,
    substance,
    tokens_of,
)
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.recognition import SURE

P = TypeVar("P")

MOST_NOVEL = 0.1
_FEW_WORDS = 20
"""Shares of fewer words say nothing."""
_SENTENCE = 4
"""Words in a row that make a statement."""
_MOST_SCATTERED = 3
_SHARE_SCATTERED = 0.01
"""Words that may be lost here and there: some, and a share of the page."""
_MOST_MISREAD = 2
"""Times as many characters as OCR has read may be in a place: it mistakes letters, and seldom makes one of several."""
_ALIKE = 0.5
"""Share of letters in common from which on OCR has read the same words, with other letters."""
_MOST_COMPARED = 200
"""Characters: more in one place are another text."""
_NEAR = 3
"""Characters before a number that a minus may be among."""


@dataclass(frozen=True)
class Case:
    """An answer, the page, and what is which."""

    answer: Answer
    page: Evidence
    paired: Alignment

    @cached_property
    def novel(self) -> list[int]:
        """Tokens of the answer that the page lacks, as far as its reader can tell."""
        return _unpaired(self.paired.to_page, (one.answer for one in self.guesses))

    @cached_property
    def lost(self) -> list[int]:
        """Tokens of the page that the answer lacks, as far as they are no guess at what it has instead."""
        return _unpaired(self.paired.to_answer, (one.page for one in self.guesses))

    def is_sure(self, start: int, end: int) -> bool:
        """Tell whether the page's reader is sure of its tokens ``start`` to ``end``: else it is no witness there."""
        return self.page.source is Source.TEXT_LAYER or all(
            stand.confidence >= SURE for stand in self.page.stands[start:end]
        )

    @cached_property
    def guesses(self) -> tuple[Exchange, ...]:
        """Where answer and page differ because OCR has misread: it mostly guessed, or at words that look alike."""
        if self.page.source is not Source.OCR:
            return ()
        return tuple(one for one in self.paired.exchanges if self._is_guess(one) or self._looks_alike(one))

    def is_mostly_guessed(self, start: int, end: int) -> bool:
        """Tell whether the page's reader is unsure of most characters of its tokens ``start`` to ``end``."""
        lengths = [(len(self.page.tokens.keys[at]), self.is_sure(at, at + 1)) for at in range(start, end)]
        return 2 * sum(length for length, sure in lengths if not sure) > sum(length for length, _ in lengths)

    def _is_guess(self, one: Exchange) -> bool:
        read = sum(len(self.page.tokens.keys[at]) for at in range(*one.page))
        said = sum(len(self.answer.tokens.keys[at]) for at in range(*one.answer))
        alike = said <= _MOST_MISREAD * read and read <= _MOST_MISREAD * said
        return alike and self.is_mostly_guessed(*one.page)

    def _looks_alike(self, one: Exchange) -> bool:
        """Tell whether words, none of them with a digit, share most of their letters in order."""
        said, read = self.answer.tokens.squeezed(*one.answer), self.page.tokens.squeezed(*one.page)
        if any(map(str.isdigit, said + read)) or max(len(said), len(read)) > _MOST_COMPARED:
            return False
        return SequenceMatcher(None, said, read, autojunk=False).ratio() >= _ALIKE


def _unpaired(paired: Sequence[int], guesses: Iterable[tuple[int, int]]) -> list[int]:
    """Give the tokens of one side that are paired with none, and in no stretch that is a guess."""
    if UNPAIRED not in paired:
        return []
    guessed = {at for guess in guesses for at in range(*guess)}
    return [at for at, found in enumerate(paired) if found == UNPAIRED and at not in guessed]


def recall(case: Case) -> float:
    """Give the share of the page's words and numbers that the answer has, by characters."""
    return _share(case.page.tokens, case.paired.to_answer, case.paired.excused)


def precision(case: Case) -> float:
    """Give the share of the answer's words and numbers that the page has, by characters."""
    return _share(case.answer.tokens, case.paired.to_page, frozenset())


def _share(tokens: Tokens[Stand] | Tokens[Place], paired: Sequence[int], excused: frozenset[int]) -> float:
    if UNPAIRED not in paired:
        return 1.0
    wanted = [
        (len(token.key), found != UNPAIRED)
        for at, (token, found) in enumerate(zip(tokens.all, paired, strict=True))
        if token.duty is Duty.EXACT and at not in excused
    ]
    total = sum(length for length, _ in wanted)
    return sum(length for length, found in wanted if found) / total if total else 1.0


def content_findings(case: Case) -> Iterator[Finding]:
    """Give what differs."""
    spoken = frozenset(at for one in case.paired.exchanges for at in range(*one.answer))
    heard = frozenset(at for one in case.paired.exchanges for at in range(*one.page))
    for exchange in case.paired.exchanges:
        yield from _changed(case, exchange)
    yield from _signs(case)
    yield from _links(case)
    yield from _novel(case, spoken)
    yield from _lost(case, heard)


def _changed(case: Case, one: Exchange) -> Iterator[Finding]:
    mine, its = case.answer.tokens, case.page.tokens
    said = Counter(_numbers(mine.all[slice(*one.answer)]))
    printed = Counter(_numbers(its.all[slice(*one.page)]))
    severity = Severity.ERROR if case.is_sure(*one.page) else Severity.REMARK
    if said - printed and printed - said:
        check = Check.NUMBERS
    elif _has_identifier(mine, one.answer) and _has_identifier(its, one.page):
        check = Check.IDENTIFIERS
    elif said - printed or printed - said:
        return  # Told below, as what is new or lost.
    else:
        check, severity = Check.NOVELTY, Severity.REMARK
    yield Finding(
        check, severity, mine.slice(*one.answer), its.slice(*one.page), mine.place(one.answer[0]), _box(case, *one.page)
    )


def _numbers(tokens: Sequence[Token]) -> Iterator[str]:
    return (token.key for token in tokens if token.kind is Kind.NUMBER and token.duty is not Duty.FREE)


def _has_identifier(tokens: Tokens[P], span: tuple[int, int]) -> bool:
    return any(tokens.all[at].duty is Duty.EXACT and is_identifier(tokens, at) for at in range(*span))


def _signs(case: Case) -> Iterator[Finding]:
    """Tell numbers that have a minus on one side, and nothing that could be one on the other."""
    mine, its = case.answer.tokens, case.page.tokens
    numbers = [at for at, token in enumerate(mine.all) if token.kind is Kind.NUMBER]
    for at in numbers:
        place = case.paired.to_page[at]
        if place == UNPAIRED or mine.keys[at] != its.keys[place]:
            continue
        duties = mine.all[at].duty, its.all[place].duty
        if duties != (Duty.EXACT, Duty.EXACT):
            continue
        said, printed = _sign(mine, at), _sign(its, place)
        if {said, printed} == {"", "-"}:
            severity = Severity.ERROR if case.is_sure(place, place + 1) else Severity.REMARK
            texts = said + mine.keys[at], printed + its.keys[place]
            yield Finding(Check.NUMBERS, severity, *texts, mine.place(at), _box(case, place, place + 1))


def _sign(tokens: Tokens[Stand] | Tokens[Place], at: int) -> str:
    """Give ``-`` for a number with a minus, nothing for one without, ``?`` where a dash may be one."""
    start = tokens.all[at].start
    before = tokens.text[max(0, start - _NEAR) : start]
    if "-" not in before and "~" not in before:
        return ""
    return "-" if re.search(r"(?:^|[\s(|=])-$", before) else "?"


def _links(case: Case) -> Iterator[Finding]:
    """Tell addresses that the page neither links to nor prints: those that a model made up may leak what it read."""
    if not case.answer.targets:
        return
    printed = case.page.tokens.squeezed(0, len(case.page.tokens))
    for target, place in case.answer.targets:
        known = tokens_of([Piece(target.partition("//")[2], None)])
        is_elsewhere = "//" in target
        if is_elsewhere and target not in case.page.targets and known.squeezed(0, len(known)) not in printed:
            yield Finding(Check.LINKS, Severity.ERROR, target, place=place)


def _novel(case: Case, exchanged: frozenset[int]) -> Iterator[Finding]:
    tokens = case.answer.tokens
    novel = case.novel
    if not novel and not case.paired.stray:
        return
    for at in novel:
        token = tokens.all[at]
        if token.kind is Kind.NUMBER and token.duty is Duty.EXACT and at not in exchanged:
            yield Finding(Check.NUMBERS, Severity.ERROR, token.key, place=tokens.place(at))
    counted = [at for at in sorted({*novel, *case.paired.stray}) if tokens.all[at].duty is Duty.EXACT]
    statements = [
        (start, end)
        for start, end in runs(counted)
        if substance(tokens.all[at] for at in range(start, end) if at not in case.paired.stray) >= _SENTENCE
    ]
    for start, end in statements:
        yield Finding(Check.NOVELTY, Severity.ERROR, tokens.slice(start, end), place=tokens.place(start))
    words = substance(token for token in tokens.all if token.duty is Duty.EXACT)
    new = [at for at in novel if tokens.all[at].duty is Duty.EXACT]
    if not statements and words >= _FEW_WORDS and substance(tokens.all[at] for at in new) > MOST_NOVEL * words:
        yield Finding(Check.NOVELTY, Severity.ERROR, " … ".join(tokens.slice(*run) for run in runs(new)))


def _lost(case: Case, exchanged: frozenset[int]) -> Iterator[Finding]:
    tokens = case.page.tokens
    lost = [at for at in case.lost if tokens.all[at].duty is Duty.EXACT and at not in case.paired.excused]
    if not lost:
        return
    sure = [at for at in lost if case.is_sure(at, at + 1)]
    for at in lost:
        if tokens.all[at].kind is Kind.NUMBER and at not in exchanged:
            severity = Severity.ERROR if case.is_sure(at, at + 1) else Severity.REMARK
            yield Finding(Check.NUMBERS, severity, page_text=tokens.all[at].key, box=_box(case, at, at + 1))
    statements = [run for run in runs(lost) if substance(tokens.all[slice(*run)]) >= _SENTENCE]
    for start, end in statements:
        is_firm = not case.is_mostly_guessed(start, end)
        text, box = tokens.slice(start, end), _box(case, start, end)
        yield Finding(Check.LOSS, Severity.ERROR, page_text=text, box=box, is_firm=is_firm)
    words = substance(token for token in tokens.all if token.duty is Duty.EXACT)
    if not statements and substance(tokens.all[at] for at in sure) > _MOST_SCATTERED + _SHARE_SCATTERED * words:
        yield Finding(Check.LOSS, Severity.ERROR, page_text=" … ".join(tokens.slice(*run) for run in runs(sure)))


def _box(case: Case, start: int, end: int) -> Box | None:
    boxes = [stand.box or stand.block for stand in case.page.stands[start:end]]
    known = [box for box in boxes if box is not None]
    return enclosing(known) if known else None
