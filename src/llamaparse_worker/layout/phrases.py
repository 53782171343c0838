"""Running text as Markdown: marks around what is set apart, and an escape before what would be taken for a mark.

The rules of emphasis are those of CommonMark 0.31, section 6.2: a mark counts only where it can open or close.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llamaparse_worker.model.blocks import Span, SpanKind

_CERTAIN = re.compile(r"\\(?=[!-/:-@\[-`{-~])|`|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
_CERTAIN_BEFORE_MARKS = re.compile(rf"{_CERTAIN.pattern}|\\$")
_STARS = re.compile(r"\*(?=\S)|(?<=\S)\*")
_UNDERSCORES = re.compile(r"(?<!\w)_++(?=\S)|(?<=[^\s_])_++(?![^\W_])")
_TILDES = re.compile(r"~~+")
_ANY_STAR = re.compile(r"\*")
_ANY_TILDE = re.compile(r"~")
_BRACKETS = re.compile(r"[\[\]]")
_LINKED = re.compile(r"\]\(|\[\^|^\[[^\]]*\]:")
_AT_START = re.compile(
    r"(?P<mark>#{1,6}(?=\s|$)|[-+*](?=\s|$)|>|={3,}\s*$|-{3,}\s*$|(?:_[ \t]*){3,}$|~{3})"
    r"|(?P<number>\d{1,9})(?P<dot>[.)])(?=\s|$)"
)
_START = re.compile(r"(?<!\\)(?:&#?\w*|<)$")
_LONGEST_START = 40
_TICKS = re.compile("`+")
_AROUND = {
    SpanKind.HIGHLIGHT: ("<mark>", "</mark>"),
    SpanKind.UNDERLINE: ("<u>", "</u>"),
    SpanKind.STRIKEOUT: ("~~", "~~"),
    SpanKind.STRONG: ("**", "**"),
    SpanKind.EMPHASIS: ("*", "*"),
    SpanKind.SUPERSCRIPT: ("<sup>", "</sup>"),
    SpanKind.SUBSCRIPT: ("<sub>", "</sub>"),
}
_LEAVES = (SpanKind.CODE, SpanKind.FOOTNOTE, SpanKind.FORMULA)
"""Kinds that hold no other."""
_OUTERMOST_FIRST = (
    SpanKind.HIGHLIGHT,
    SpanKind.UNDERLINE,
    SpanKind.STRIKEOUT,
    SpanKind.LINK,
    SpanKind.STRONG,
    SpanKind.EMPHASIS,
    SpanKind.SUPERSCRIPT,
    SpanKind.SUBSCRIPT,
    *_LEAVES,
)
_DEPTH = {kind: depth for depth, kind in enumerate(_OUTERMOST_FIRST)}
_FLANKED = frozenset({SpanKind.STRONG, SpanKind.EMPHASIS})


_Marks = Sequence[re.Pattern[str]]


def phrase(text: str, spans: Sequence[Span] = (), *, in_line: bool = False) -> str:
    """Give a text as Markdown; ``in_line`` says that it does not begin a line, so that no block mark can be seen."""
    made = _set(text, spans, 0, len(text), _pairing(text, spans)) if spans else escaped_within(text)
    return made if in_line else _escaped_start(made)


def is_plain(text: str) -> bool:
    """Tell whether a text has no character that could have to be escaped within a line."""
    # What all escapes within a line begin with: a search for each is faster than one for any of them.
    return not (
        "*" in text
        or "_" in text
        or "[" in text
        or "]" in text
        or "&" in text
        or "<" in text
        or "~" in text
        or "`" in text
        or "\\" in text
    )


def escaped_within(text: str, marks: _Marks | None = None) -> str:
    """Escape what Markdown would take for a mark within a line; what cannot be mistaken stays as it is.

    ``marks`` are those of emphasis that could pair up; by default this text alone tells.
    """
    if is_plain(text):
        return text
    certain, marks = (_CERTAIN, _pairing(text)) if marks is None else (_CERTAIN_BEFORE_MARKS, marks)
    text = certain.sub(lambda found: "\\" + found[0], text)
    for mark in marks:
        text = mark.sub(lambda found: "".join(f"\\{one}" for one in found[0]), text)
    if ("[" in text or "]" in text) and _LINKED.search(text):
        text = _BRACKETS.sub(lambda found: "\\" + found[0], text)
    return text


def _pairing(text: str, spans: Sequence[Span] = ()) -> list[re.Pattern[str]]:
    """Give the marks of emphasis and striking that pair up with each other, or with those that spans are set with."""
    found = [_ANY_STAR] if any(span.kind in _FLANKED for span in spans) else []
    for mark, pattern in (("*", _STARS), ("_", _UNDERSCORES)):
        if mark in text and not (found and mark == "*") and len(pattern.findall(text)) > 1:
            found.append(pattern)
    if any(span.kind is SpanKind.STRIKEOUT for span in spans):
        found.append(_ANY_TILDE)
    elif text.count("~~") > 1:
        found.append(_TILDES)
    return found


def _escaped_start(text: str) -> str:
    found = None if text[:1].isalpha() else _AT_START.match(text)
    if found is None:
        return text
    if found["number"]:
        return f"{found['number']}\\{text[found.start('dot') :]}"
    return "\\" + text


def _set(text: str, spans: Sequence[Span], start: int, end: int, marks: _Marks) -> str:
    """Set a part of the text: spans of the outermost kind around all that the other kinds do within them."""
    if start >= end:
        return ""
    here = [span for span in spans if span.start < end and span.end > start]
    if not here:
        return escaped_within(text[start:end], marks)
    outer = min([span.kind for span in here], key=_DEPTH.__getitem__)
    if outer in _LEAVES:
        return _with_leaves(text, here, start, end, marks)
    inner = [span for span in here if span.kind is not outer]
    parts: list[str] = []
    at = start
    for span in here:
        if span.kind is not outer:
            continue
        first, last = max(span.start, at), min(span.end, end)
        if first >= last:
            continue
        parts.append(_set(text, inner, at, first, marks))
        parts.append(_around(text, span, first, last, _set(text, inner, first, last, marks)))
        at = last
    parts.append(_set(text, inner, at, end, marks))
    return _side_by_side(parts)


def _side_by_side(parts: Sequence[str]) -> str:
    """Join what is made of neighbouring parts, and escape what only both together would be taken for.

    An exclamation mark before a link would make a picture of it; the others begin an entity or a tag.
    """
    made = ""
    for part in parts:
        start = _last_start(made)
        if part.startswith("[") and made.endswith("!"):
            made = f"{made[:-1]}\\!{part}"
        elif start >= 0 and _CERTAIN.match(made[start:] + part):
            made = f"{made[:start]}\\{made[start:]}{part}"
        else:
            made += part
    return made


def _last_start(made: str) -> int:
    """Find what may begin an entity or a tag that the text behind completes; -1 if there is none."""
    found = _START.search(made, max(0, len(made) - _LONGEST_START))
    return -1 if found is None else found.start()


def _with_leaves(text: str, spans: Sequence[Span], start: int, end: int, marks: _Marks) -> str:
    parts: list[str] = []
    at = start
    for span in spans:
        first, last = max(span.start, at), min(span.end, end)
        if first >= last:
            continue
        parts.append(escaped_within(text[at:first], marks))
        parts.append(_leaf(text[first:last], span))
        at = last
    parts.append(escaped_within(text[at:end], marks))
    return "".join(parts)


def _leaf(text: str, span: Span) -> str:
    match span.kind:
        case SpanKind.FOOTNOTE:
            return f"[^{span.target}]"
        case SpanKind.FORMULA:
            return text
        case _:
            return _code(text)


def _code(text: str) -> str:
    if "`" not in text:
        return f"`{text}`"
    ticks = "`" * (max(map(len, _TICKS.findall(text))) + 1)
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
