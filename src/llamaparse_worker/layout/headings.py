"""What makes a line of text a heading, and how deep a heading is.

A heading differs from the text below it: in size, in weight, in capitals or in slant. On one page only the difference
can be seen; how deep each kind of heading is, and whether it is one at all, is told by all pages together
(``heading_levels``), from size and weight as from the numbers that headings carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llamaparse_worker.layout.inline import BOLD, CODE, ITALIC, SWITCHES, looks_of
from llamaparse_worker.layout.lines import TextLine
from llamaparse_worker.layout.segments import Style
from llamaparse_worker.model.blocks import Heading, Span, SpanKind
from llamaparse_worker.model.value import quick

BOLD_TYPE, CAPITALS, SLANTED = 3, 2, 1
DEEPEST_LEVEL = 6
COLONS = (":", "\uff1a")
"""What ends a line that leads to something, rather than names it."""

_LARGER = 1.08
_NOT_SMALLER = 0.93
_LEAST_CAPITALS = 4
_MOSTLY_PROMINENT = 1.5
_MOSTLY_NUMBERED = 0.5
_CENTRED = 0.03
_NUMBER = re.compile(
    r"(?P<decimal>\d{1,3}(?:\.\d{1,3})*)\.?\s+\S"
    r"|(?P<roman>[IVXL]+)\.\s+\S|(?P<letter>[A-Z])\.\s+\S|(?P<bracket>\d{1,2}|[a-z])\)\s+\S"
)
_LETTER = re.compile(r"[^\W\d_]")
_RUN_IN = re.compile(
    r"(?P<before>[\ufdd0-\ufdef]?)(?P<number>(?:\d{1,2}|[a-z])\)\s*|\d{1,2}(?:\.\d{1,2}){1,3}\.?\s+)"
    r"(?P<look>[\ufdd0-\ufdef]?)(?P<title>[^\ufdd0-\ufdef]{2,100})[:.]\s*"
    r"(?P<rest>\ufdd0\s*(?:[\ufdd0-\ufdef]\s*)?[^\ufdd0-\ufdef\s].*)",
    re.DOTALL,
)
_SENTENCE = re.compile("[.,;!?。\uff0c\uff1b]$")


@quick
@dataclass(frozen=True, slots=True)
class HeadingSign:
    """What a heading shows of its level."""

    size: float
    prominence: int
    numbering: str
    """Its kind of number: the count of parts of a decimal one, ``roman``, ``letter``, ``bracket``, or nothing."""
    level: int = 0
    """Its level where the document itself says it."""
    characters: int = 0
    outline: int = 0
    """Its depth in the document's outline, from 1; 0 if it is not there."""


HeadingStyle = tuple[float, int, str]
HeadingLevels = Mapping[HeadingStyle, int]


def numbering(text: str) -> str:
    """Tell the kind of number that a heading begins with."""
    found = _NUMBER.match(text)
    if found is None or found.lastgroup is None:
        return ""
    if found["decimal"]:
        return str(found["decimal"].count(".") + 1)
    return found.lastgroup


def is_large(line: TextLine, style: Style) -> bool:
    """Tell whether a line is set larger than running text."""
    return line.size >= _LARGER * style.size


def prominence(line: TextLine, style: Style, left: float, right: float) -> int:
    """Tell how a line stands out beside its size; 0 for one that does not."""
    if line.monospaced or line.size < _NOT_SMALLER * style.size:
        return 0
    if not style.look & BOLD and (_is_bold(line, style) if line.rich else line.bold):
        return BOLD_TYPE
    if is_capitals(line.text) and (is_centred(line, left, right) or numbering(line.text) == "roman"):
        return CAPITALS
    if line.italic and not style.look & ITALIC and numbering(line.text):
        return SLANTED
    return 0


def _is_bold(line: TextLine, style: Style) -> bool:
    """Tell whether all words are bold or code, those before the first code bold, whatever numbers and marks are.

    In a line that is larger than the text it is enough that most letters are bold, the first ones among them: code may
    be set in a font that nobody knows for code.
    """
    if line.rich[0].isalpha():  # a plain word begins it, as most lines
        return False
    letters = [(look, count) for look, text in looks_of(line.rich) if (count := len(_LETTER.findall(text)))]
    if not letters:
        return line.bold
    if not letters[0][0] & BOLD:
        return False
    if all(look & (BOLD | CODE) for look, _ in letters):
        return True
    bold = sum(count for look, count in letters if look & BOLD)
    return is_large(line, style) and bold > sum(count for _, count in letters) / 2


def run_in(rich: str) -> tuple[str, str] | None:
    """Part a numbered heading in bold or italics from the text that follows it on its line, both with switches."""
    found = _RUN_IN.match(rich)
    look = found["look"] or found["before"] if found else ""
    if found is None or not look or not (ord(look) - ord(SWITCHES[0])) & (BOLD | ITALIC):
        return None
    return found["number"] + found["title"].rstrip(), found["rest"]


def spans_of_heading(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Leave out what is no news in a heading: that it is bold, or all of it in italics."""
    return tuple(
        span
        for span in spans
        if span.kind is not SpanKind.STRONG
        and not (span.kind is SpanKind.EMPHASIS and span.end - span.start == len(text))
    )


def is_capitals(text: str) -> bool:
    """Tell whether all letters are capitals, and there are some; letters without case are none."""
    if not text.isupper():
        return False
    return sum(map(str.isupper, text)) >= max(_LEAST_CAPITALS, sum(map(str.isalpha, text)) / 2)


def is_centred(line: TextLine, left: float, right: float) -> bool:
    """Tell whether a line keeps the same distance to both edges, and some."""
    width = right - left
    indent, rest = line.x0 - left, right - line.x1
    return abs(indent - rest) < 2 * _CENTRED * width and indent > _CENTRED * width


def is_sentence(text: str) -> bool:
    """Tell whether a text ends as a sentence does, and is no question with the number of a section."""
    return _SENTENCE.search(text) is not None and not (text.endswith("?") and numbering(text).isdigit())


def heading_levels(signs: Iterable[HeadingSign]) -> HeadingLevels:
    """Rank all kinds of headings of a document: by size, then by weight, then by number; the deepest level is 6."""
    first_seen: dict[HeadingStyle, int] = {}
    for place, sign in enumerate(sign for sign in signs if not sign.level):
        first_seen.setdefault(style_of(sign), place)
    kinds: dict[tuple[float, int], list[str]] = {}
    for size, weight, number in sorted(first_seen, key=first_seen.__getitem__):
        kinds.setdefault((size, weight), []).append(number)
    levels: dict[HeadingStyle, int] = {}
    level = 0
    for size, weight in sorted(kinds, reverse=True):
        ranks = _ranks(kinds[size, weight])
        for number, rank in ranks.items():
            levels[size, weight, number] = min(level + rank, DEEPEST_LEVEL)
        level += max(ranks.values())
    return levels


def heading_sign(block: Heading) -> HeadingSign:
    """Give what a heading shows of its level."""
    return HeadingSign(block.size, block.prominence, numbering(block.text), block.level, len(block.text), block.outline)


@dataclass(frozen=True, slots=True)
class HeadingEvidence:
    """What all headings of a document show together; asked once for each of them, however many there are."""

    count: int
    prominent: int
    largest: float
    numbered: int
    largest_numbered: float
    numbered_styles: frozenset[tuple[float, int]]

    def includes(self, sign: HeadingSign) -> bool:
        """Tell whether a sign is like the others: where headings are bold, large type is a title's or no heading's."""
        if not sign.numbering and self._asks_for_number(sign):
            return False
        if sign.prominence or sign.level or sign.size >= self.largest:
            return True
        return self.prominent < _MOSTLY_PROMINENT * (self.count - self.prominent)

    def _asks_for_number(self, sign: HeadingSign) -> bool:
        """Tell whether headings have numbers, those that look like this one too or those that look less."""
        return (
            self.numbered > _MOSTLY_NUMBERED * self.count
            and style_of(sign)[:2] not in self.numbered_styles
            and sign.size < self.largest
            and sign.size <= self.largest_numbered
        )


def heading_evidence(signs: Sequence[HeadingSign]) -> HeadingEvidence:
    """Gather what the headings of a document show."""
    numbered = [sign for sign in signs if sign.numbering]
    return HeadingEvidence(
        count=len(signs),
        prominent=sum(sign.prominence > 0 for sign in signs),
        largest=max((sign.size for sign in signs), default=0.0),
        numbered=len(numbered),
        largest_numbered=max((sign.size for sign in numbered), default=0.0),
        numbered_styles=frozenset(style_of(sign)[:2] for sign in numbered),
    )


def style_of(sign: HeadingSign) -> HeadingStyle:
    """Give what headings of one kind have in common."""
    return round(sign.size * 2) / 2, sign.prominence, sign.numbering


def _ranks(numbers: list[str]) -> dict[str, int]:
    """Rank the kinds of numbers of headings that look alike; those without stand with the highest."""
    decimals = sorted(number for number in numbers if number.isdigit())
    others = [number for number in numbers if number and not number.isdigit()]
    ranks = {number: rank for rank, number in enumerate([*decimals, *others], 1)}
    return {"": 1, **ranks} if "" in numbers else ranks
