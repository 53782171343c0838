"""Which hyphens at line ends divide a word, and which belong to it.

No dictionary: the page itself is asked. A word that stands elsewhere on the page with or without the hyphen decides,
then the shape of the word, then whether the page divides words at all, which shows in how many of its lines end so and
in whether its lines are set to one right edge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llamaparse_worker.layout.joining import ELLIPTIC, SOFT_HYPHEN
from llamaparse_worker.layout.segments import Segment

_SET_BY_PROGRAM = ("\u00ad", "\u2010")
"""Hyphens that nobody types: a program set them where it divided a word."""
_HYPHENS = ("-", *_SET_BY_PROGRAM)
_LAST_HYPHEN = re.compile("[-\u00ad\u2010](?=[\ufdd0-\ufdef]*$)")
_HEAD = re.compile(r"[^\s(\[{\"'“„«\u2018/.:#]+$")
_TAIL = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*")
_WORD = re.compile(r"(?<![\w./:@#-])[^\W\d_]+(?:-[^\W\d_]+)*")

_LONG_LINE = 24
"""Characters from which on a segment counts as a line of running text."""
_SHARED_EDGE = 4
"""Lines that end at one place, from which on that is no chance."""
_JUSTIFIED, _LIKELY_JUSTIFIED = 0.4, 0.25
"""Shares of lines with a shared edge."""
_MANY_ENDS = 3
_FEW_LINES = 8
"""Fewer are no evidence."""
_LEAST_PART = 3
_LONGEST_ACRONYM = 4


@dataclass(frozen=True, slots=True)
class _Evidence:
    words: frozenset[str]
    divides: bool
    """Whether words seem to be divided on this page."""


def with_divisions_marked(found: Sequence[Segment]) -> list[Segment]:
    """Put a soft hyphen for each hyphen that divides a word at the end of its line."""
    ends = [index for index, segment in enumerate(found[:-1]) if segment.text.endswith(_HYPHENS)]
    marked = list(found)
    ends = [index for index in ends if not found[index].monospaced and _goes_on(found[index], found[index + 1])]
    if not ends:
        return marked
    evidence = _evidence(found, len(ends))
    for index in ends:
        segment = found[index]
        if _divides(segment.text, found[index + 1].text, evidence):
            marked[index] = replace(segment, text=_softened(segment.text), rich=_softened(segment.rich))
    return marked


def _softened(text: str) -> str:
    return _LAST_HYPHEN.sub(SOFT_HYPHEN, text)


def _goes_on(segment: Segment, following: Segment) -> bool:
    """Tell whether what follows in the file is the next line, or the first one of the next column."""
    return following.x0 < segment.x1 or following.y1 < segment.y0


def _evidence(found: Sequence[Segment], ends: int) -> _Evidence:
    inner = (segment.text.lower() for segment in found)
    whole = [text.rpartition(" ")[0] if text.endswith(_HYPHENS) else text for text in inner]
    words = frozenset(_WORD.findall("\n".join(whole)))
    lines = [segment for segment in found if len(segment.text) >= _LONG_LINE]
    if len(lines) < _FEW_LINES:
        return _Evidence(words, bool(lines))
    return _Evidence(words, _is_justified(lines, _LIKELY_JUSTIFIED if ends >= _MANY_ENDS else _JUSTIFIED))


def _is_justified(lines: Sequence[Segment], least: float) -> bool:
    edges = Counter(round(segment.x1) for segment in lines)
    shared = sum(
        count for place, count in edges.items() if count + max(edges[place - 1], edges[place + 1]) >= _SHARED_EDGE
    )
    return shared >= least * len(lines) > 0


def _divides(text: str, following: str, evidence: _Evidence) -> bool:
    head, tail = _HEAD.search(text[:-1]), _TAIL.match(following)
    if head is None or tail is None or not head[0][-1].isalpha() or ELLIPTIC.match(following):
        return False
    before, after = head[0], tail[0]
    if after[0].isupper() and not (after.isupper() and before.isupper() and len(before) > _LONGEST_ACRONYM):
        return False
    if text.endswith(_SET_BY_PROGRAM):
        return True
    if not before.isalpha():
        return False
    before, after = before.lower(), after.lower().partition("-")[0]
    if before + after in evidence.words:
        return True
    if f"{before}-{after}" in evidence.words or _are_words(before, after, evidence):
        return False
    return evidence.divides


def _are_words(before: str, after: str, evidence: _Evidence) -> bool:
    return min(len(before), len(after)) >= _LEAST_PART and {before, after} <= evidence.words
