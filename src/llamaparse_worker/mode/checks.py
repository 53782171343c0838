"""What the modes use of the witness checks: the page as evidence, the judgement, and where texts stand on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llamaparse_worker.mode.witness import (
    Check,
    Evidence,
    Finding,
    Judgement,
    Severity,
    Source,
    evidence_of,
    judge,
    upheld,
)
from llamaparse_worker.mode.witness.alignment import UNPAIRED, align
from llamaparse_worker.mode.witness.tokens import Piece, tokens_of
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage

__all__ = [
    "Check",
    "Evidence",
    "Finding",
    "Judgement",
    "Severity",
    "boxes_of",
    "evidence_of",
    "has_witness",
    "judged",
    "may_misread",
    "upheld",
]

BY_FORM = replace(evidence_of(LaidOutPage(1, 1.0, 1.0, 0, (), "", "")), source=Source.NOBODY)
"""The evidence of nobody: an answer is judged by its form alone."""


def has_witness(page: Evidence) -> bool:
    """Tell whether the page has a reading that an answer can be compared with."""
    return page.source is not Source.NOBODY


def may_misread(page: Evidence) -> bool:
    """Tell whether the page's reading was guessed from pixels, as an answer may be."""
    return page.source is Source.OCR


def judged(markdown: str, page: Evidence, *, cut_off: bool, by_form: bool) -> Judgement:
    """Judge an answer by its page, or by its form alone where it need not say what the page says."""
    return judge(markdown, BY_FORM if by_form else page, cut_off=cut_off)


def boxes_of(texts: Sequence[str], page: Evidence) -> list[list[Box]]:
    """Give for each text of an answer the boxes of the words on the page that it has, in points."""
    found: list[list[Box]] = [[] for _ in texts]
    if not has_witness(page):
        return found
    tokens = tokens_of(Piece(text, at) for at, text in enumerate(texts))
    paired = align(tokens, page.tokens)
    for at, (text, place) in enumerate(zip(tokens.places, paired.to_page, strict=True)):
        if place == UNPAIRED or at in paired.stray:
            continue  # a word that is somewhere on the page, but alone, tells no place
        box = page.stands[place].box or page.stands[place].block
        if box is not None:
            found[text].append(box)
    return found
