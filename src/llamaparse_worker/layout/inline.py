"""The look of letters within running text: how it travels through the layout, and what it becomes.

While lines are cut and joined, a text carries its look as *switches*: single code points that readers never let through
(the noncharacters U+FDD0 to U+FDEF), each of which says how all that follows is set. A rich text ends plainly, so that
rich texts can simply be concatenated. At the end, ``inline`` parts the text from its spans.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llamaparse_worker.layout.codes import compiled
from llamaparse_worker.model.blocks import Span, SpanKind
from llamaparse_worker.model.value import unguarded

BOLD, ITALIC, CODE, RAISED, LOWERED = 1, 2, 4, 8, 16
"""The bits of a look; 0 is plain."""

SWITCHES = tuple(chr(0xFDD0 + look) for look in range(32))
PLAIN = SWITCHES[0]

_SWITCH = re.compile("[\ufdd0-\ufdef]")
_SWITCHED = re.compile("(^|[\ufdd0-\ufdef])([^\ufdd0-\ufdef]+)")
_GAP_BEHIND_SHIFTED = re.compile("([\ufdd8-\ufdef][^\ufdd0-\ufdef]*?) ?(\ufdd0) ?(?=[.,:;!?)\\]}”’。\uff0c])")
_LETTER = re.compile("[\x21-\u0530]")
_WORD = re.compile(r"[^\W_]")
_OPENING, _CLOSING = "([{“\u2018„«", ".,:;!)]}”\u2019»"
_KINDS = {
    BOLD: SpanKind.STRONG,
    ITALIC: SpanKind.EMPHASIS,
    CODE: SpanKind.CODE,
    RAISED: SpanKind.SUPERSCRIPT,
    LOWERED: SpanKind.SUBSCRIPT,
}

SetApart = tuple[int, int, int]
"""A part of a text, the end excluded, and the bit of the look that sets it apart."""


@unguarded
@dataclass(frozen=True, slots=True)
class Inline:
    """A text and how its parts are set."""

    text: str
    spans: tuple[Span, ...] = ()


def _is_rich(text: str) -> bool:
    # Whether a text is ASCII it knows itself, which saves most from being searched.
    return not text.isascii() and _SWITCH.search(text) is not None


def closed_up(rich: str) -> str:
    """Leave out the space between what is raised or lowered and a mark that follows it, as gaps there mean nothing."""
    if not _is_rich(rich) or _GAP_BEHIND_SHIFTED.search(rich) is None:
        return rich
    return _GAP_BEHIND_SHIFTED.sub(r"\1\2", rich)


def without_switches(rich: str) -> str:
    """Give the mere text."""
    return _SWITCH.sub("", rich)


def without_start(rich: str, characters: int) -> str:
    """Give a rich text without so many characters at its beginning; empty for an empty one."""
    at, look = 0, PLAIN
    while rich and characters:
        if rich[at] in SWITCHES:
            look = rich[at]
        else:
            characters -= 1
        at += 1
    return rich and look + rich[at:]


def looks_of(rich: str) -> Iterator[tuple[int, str]]:
    """Give the parts of a rich text, each with the bits of its look."""
    return ((ord(switch or PLAIN) - ord(PLAIN), text) for switch, text in _SWITCHED.findall(rich))


def has_text_beside_code(rich: str) -> bool:
    """Tell whether some words of a rich text are no code."""
    return any(not look & CODE and _WORD.search(text) for look, text in looks_of(rich))


def is_all_code(rich: str) -> bool:
    """Tell whether all of a rich text is of fixed pitch."""
    return all(look & CODE for look, text in looks_of(rich) if not text.isspace())


def inline(rich: str, body: int = 0) -> Inline:
    """Part a rich text from its look; what all of the page has in common (``body``) is not worth telling."""
    if not _is_rich(rich):
        return Inline(rich)
    text, found = set_apart(rich, body)
    if len(found) > 1:
        found.sort(key=_from_the_left)
    return Inline(text, tuple([Span(start, end, _KINDS[bit]) for start, end, bit in found]))


def _from_the_left(found: SetApart) -> tuple[int, int]:
    return found[0], -found[1]


def set_apart_in_python(rich: str, body: int) -> tuple[str, list[SetApart]]:
    """Do what ``set_apart`` does."""
    parts: list[str] = []
    looks: list[tuple[int, int, int]] = []
    at = 0
    for look, part in looks_of(rich):
        parts.append(part)
        looks.append((at, at + len(part), look & ~body))
        at += len(part)
    text = "".join(parts)
    return text, [span for bit in _KINDS for span in _spans(text, looks, bit)]


set_apart: Callable[[str, int], tuple[str, list[SetApart]]] = (
    set_apart_in_python if compiled is None else compiled.set_apart
)
"""Gives a rich text without its switches, and for one bit of a look after the other which parts have it."""


def _spans(text: str, looks: Sequence[tuple[int, int, int]], bit: int) -> list[SetApart]:
    """Give the parts that have one trait; a space between two of them belongs to them."""
    found: list[tuple[int, int]] = []
    for start, end, look in looks:
        if not look & bit:
            continue
        if found and not text[found[-1][1] : start].strip():
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    trimmed = [_trimmed(text, start, end) for start, end in found]
    return [(start, end, bit) for start, end in trimmed if start < end and (bit != CODE or _is_code(text, start, end))]


def _is_code(text: str, start: int, end: int) -> bool:
    """Tell whether a part of fixed pitch is code.

    Letters of Chinese and Japanese always have one pitch, and marks at a word may come from another font than it.
    """
    if _LETTER.search(text, start, end) is None:
        return False
    return _WORD.search(text, start, end) is not None or not _touches(text, start, end)


def _touches(text: str, start: int, end: int) -> bool:
    """Tell whether something stands at a part without a space between, but for marks of the sentence around it."""
    before, after = text[:start][-1:], text[end : end + 1]
    return not (before.isspace() or before in _OPENING) or not (after.isspace() or after in _CLOSING)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return start, start + len(part.strip())
