"""Running text as Markdown: marks around what is set apart, and an escape before what would be taken for a mark.

The rules of emphasis are those of CommonMark 0.31, section 6.2: a mark counts only where it can open or close.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llamaparse_worker.model.page import Span, SpanKind

_CERTAIN = re.compile(r"\\(?=[!-/:-@\[-`{-~])|`|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
_STARS = re.compile(r"\*(?=\S)|(?<=\S)\*")
_UNDERSCORES = re.compile(r"(?<!\w)_(?=\S)|(?<=\S)_(?!\w)")
_BRACKETS = re.compile(r"[\[\]]")
_LINKED = re.compile(r"\]\(|\[\^|^\[[^\]]*\]:")
_AT_START = re.compile(
    r"(?P<mark>#{1,6}(?=\s|$)|[-+*](?=\s|$)|>|={3,}\s*$|-{3,}\s*$|~{3})|(?P<number>\d{1,9})(?P<dot>[.)])(?=\s|$)"
)
_TICKS = re.compile("`+")
_ORDER = (SpanKind.LINK, SpanKind.STRONG, SpanKind.EMPHASIS, SpanKind.SUPERSCRIPT, SpanKind.SUBSCRIPT)
_MARKS = (SpanKind.HIGHLIGHT, SpanKind.UNDERLINE, SpanKind.STRIKEOUT)
"""What readers of the document have added; looked for only in texts that have it."""
_AROUND = {
    SpanKind.HIGHLIGHT: ("<mark>", "</mark>"),
    SpanKind.UNDERLINE: ("<u>", "</u>"),
    SpanKind.STRIKEOUT: ("~~", "~~"),
    SpanKind.STRONG: ("**", "**"),
    SpanKind.EMPHASIS: ("*", "*"),
    SpanKind.SUPERSCRIPT: ("<sup>", "</sup>"),
    SpanKind.SUBSCRIPT: ("<sub>", "</sub>"),
}
_FLANKED = frozenset({SpanKind.STRONG, SpanKind.EMPHASIS})


def phrase(text: str, spans: Sequence[Span] = (), *, in_line: bool = False) -> str:
    """Give a text as Markdown; ``in_line`` says that it does not begin a line, so that no block mark can be seen."""
    made = _set(text, spans, 0, len(text), _order(spans)) if spans else escaped_within(text)
    return made if in_line else _escaped_start(made)


def _order(spans: Sequence[Span]) -> Sequence[SpanKind]:
    return (*_MARKS, *_ORDER) if any(span.kind in _MARKS for span in spans) else _ORDER


def escaped_within(text: str) -> str:
    """Escape what Markdown would take for a mark within a line; what cannot be mistaken stays as it is."""
    text = _CERTAIN.sub(lambda found: "\\" + found[0], text)
    for mark, pairs in (("*", _STARS), ("_", _UNDERSCORES)):
        # Few texts have the mark at all: to look for it is far cheaper than to match around every character.
        if mark in text and len(pairs.findall(text)) > 1:
            text = pairs.sub(lambda found: "\\" + found[0], text)
    if ("[" in text or "]" in text) and _LINKED.search(text):
        text = _BRACKETS.sub(lambda found: "\\" + found[0], text)
    return text


def _escaped_start(text: str) -> str:
    found = _AT_START.match(text)
    if found is None:
        return text
    if found["number"]:
        return f"{found['number']}\\{text[found.start('dot') :]}"
    return "\\" + text


def _set(text: str, spans: Sequence[Span], start: int, end: int, order: Sequence[SpanKind]) -> str:
    """Set a part of the text: spans of the first kind around all that the other kinds do within them."""
    inner = [span for span in spans if span.start < end and span.end > start]
    if not inner:
        return escaped_within(text[start:end])
    kinds = {span.kind for span in inner}
    while order and order[0] not in kinds:
        order = order[1:]
    if not order:
        return _with_code(text, inner, start, end)
    parts: list[str] = []
    at = start
    for span in inner:
        if span.kind is not order[0]:
            continue
        first, last = max(span.start, at), min(span.end, end)
        if first >= last:
            continue
        parts.append(_set(text, inner, at, first, order[1:]))
        parts.append(_around(text, span, first, last, _set(text, inner, first, last, order[1:])))
        at = last
    parts.append(_set(text, inner, at, end, order[1:]))
    return "".join(parts)


def _with_code(text: str, spans: Sequence[Span], start: int, end: int) -> str:
    parts: list[str] = []
    at = start
    for span in spans:
        first, last = max(span.start, at), min(span.end, end)
        if first >= last or span.kind not in {SpanKind.CODE, SpanKind.FOOTNOTE}:
            continue
        parts.append(escaped_within(text[at:first]))
        parts.append(f"[^{span.target}]" if span.kind is SpanKind.FOOTNOTE else _code(text[first:last]))
        at = last
    parts.append(escaped_within(text[at:end]))
    return "".join(parts)


def _code(text: str) -> str:
    ticks = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    space = " " if "`" in (text[0], text[-1]) else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _around(text: str, span: Span, start: int, end: int, made: str) -> str:
    if span.kind is SpanKind.LINK:
        return f"[{made}]({span.target})"
    if span.kind in _FLANKED and not (_opens(text, start) and _closes(text, end)):
        return made
    before, after = _AROUND[span.kind]
    return before + made + after


def _opens(text: str, at: int) -> bool:
    return text[at].isalnum() or not text[max(0, at - 1) : at].isalnum()


def _closes(text: str, at: int) -> bool:
    return text[at - 1].isalnum() or not text[at : at + 1].isalnum()
