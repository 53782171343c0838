"""Which hyphens at line ends divide a word, and which belong to it.

No dictionary: the page itself is asked. A word that stands elsewhere on the page with or without the hyphen decides,
then the shape of the word, then whether the page divides words at all, which shows in how many of its lines end so and
in whether its lines, or some that end where this one does, are set to one right edge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from llamaparse_worker.layout.joining import ELLIPTIC, SOFT_HYPHEN
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import changed

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
_SAME_EDGE = 0.5
"""Points by which the ends of lines at one edge differ: a hyphen has less ink at its side than a letter."""
_JUSTIFIED, _LIKELY_JUSTIFIED = 0.4, 0.25
"""Shares of lines with a shared edge."""
_MANY_ENDS = 3
_FEW_LINES = 8
"""Fewer are no evidence."""
_LEAST_PART = 3
_LONGEST_ACRONYM = 4
_MOST_HYPHENS = 50
"""On a page with more of them the words are gathered at once."""
_MOST_LOOKS = 8


@dataclass(frozen=True)
class _Evidence:
    """The segments of a page, and how many of their hyphens may divide a word."""

    found: Sequence[Segment]
    hyphens: int

    def has_word(self, word: str) -> bool:
        """Tell whether a word in small letters stands on the page, but for words at a hyphen that ends their line."""
        place = -1
        for _ in range(_MOST_LOOKS if self.hyphens <= _MOST_HYPHENS else 0):  # most words are met at once, or nowhere
            place = self._text.find(word, place + 1)
            if place < 0:
                return False
            whole = _WORD.match(self._text, place)
            if whole is not None and whole[0] == word:
                return True
        return word in self._words

    @cached_property
    def divides(self) -> bool:
        """Whether words seem to be divided on this page."""
        lines = [segment for segment in self.found if len(segment.text) >= _LONG_LINE]
        if len(lines) < _FEW_LINES:
            return bool(lines)
        return _is_justified(lines, _LIKELY_JUSTIFIED if self.hyphens >= _MANY_ENDS else _JUSTIFIED)

    def divides_at(self, line: Segment) -> bool:
        """Whether words seem to be divided on this page, or at the edge that a line ends at."""
        return self.divides or sum(abs(end - line.x1) <= _SAME_EDGE for end in self._ends) >= _SHARED_EDGE

    @cached_property
    def _ends(self) -> Sequence[float]:
        return [segment.x1 for segment in self.found if len(segment.text) >= _LONG_LINE]

    @cached_property
    def _text(self) -> str:
        """All texts without both parts of what is, or is not, divided at the end of a line."""
        kept: list[str] = []
        is_tail = False
        for segment in self.found:
            text = segment.text.partition(" ")[2] if is_tail else segment.text
            is_tail = text.endswith(_HYPHENS)
            kept.append(text.rpartition(" ")[0] if is_tail else text)
        return "\n".join(kept).lower()

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self._text))


def with_divisions_marked(found: Sequence[Segment]) -> list[Segment]:
    """Put a soft hyphen for each hyphen that divides a word at the end of its line."""
    ends = [index for index, segment in enumerate(found[:-1]) if segment.text.endswith(_HYPHENS)]
    marked = list(found)
    ends = [index for index in ends if not found[index].monospaced and _goes_on(found[index], found[index + 1])]
    if not ends:
        return marked
    evidence = _Evidence(found, len(ends))
    for index in ends:
        segment = found[index]
        if _divides(segment, found[index + 1].text, evidence):
            marked[index] = changed(segment, text=_softened(segment.text), rich=_softened(segment.rich))
    return marked


def _softened(text: str) -> str:
    return _LAST_HYPHEN.sub(SOFT_HYPHEN, text)


def _goes_on(segment: Segment, following: Segment) -> bool:
    """Tell whether what follows in the file is the next line, or the first one of the next column."""
    return following.x0 < segment.x1 or following.y1 < segment.y0


def _is_justified(lines: Sequence[Segment], least: float) -> bool:
    edges = Counter(round(segment.x1) for segment in lines)
    shared = sum(
        count for place, count in edges.items() if count + max(edges[place - 1], edges[place + 1]) >= _SHARED_EDGE
    )
    return shared >= least * len(lines) > 0


def _divides(line: Segment, following: str, evidence: _Evidence) -> bool:
    # What leads up to the hyphen has no space: there is no need to search before the last one.
    head, tail = _HEAD.search(line.text[line.text.rfind(" ") + 1 : -1]), _TAIL.match(following)
    if head is None or tail is None or not head[0][-1].isalpha() or ELLIPTIC.match(following):
        return False
    before, after = head[0], tail[0]
    if after[0].isupper() and not _is_capitals(before, after, evidence):
        return False
    if line.text.endswith(_SET_BY_PROGRAM):
        return True
    if not before.isalpha():
        return False
    before, after = before.lower(), after.lower().partition("-")[0]
    if evidence.has_word(before + after):
        return True
    if evidence.has_word(f"{before}-{after}") or _are_words(before, after, evidence):
        return False
    return evidence.divides_at(line)


def _is_capitals(before: str, after: str, evidence: _Evidence) -> bool:
    """Tell whether the parts are of one word in capitals, and no two acronyms."""
    if not (before.isupper() and after.isupper()):
        return False
    return len(before) > _LONGEST_ACRONYM or (before.isalpha() and evidence.has_word((before + after).lower()))


def _are_words(before: str, after: str, evidence: _Evidence) -> bool:
    return min(len(before), len(after)) >= _LEAST_PART and evidence.has_word(before) and evidence.has_word(after)
