"""Text within a block: its characters and what parts of it are set as."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from markdown_it.token import Token

from llamaparse_worker.layout.inline import Inline
from llamaparse_worker.mode.markdown.parser import FORMULA
from llamaparse_worker.model.blocks import Span, SpanKind

_KINDS = {
    "em": SpanKind.EMPHASIS,
    "strong": SpanKind.STRONG,
    "s": SpanKind.STRIKEOUT,
    "link": SpanKind.LINK,
}
_TAG = re.compile(r"<(?P<closes>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)")
_SHIFTED = {"sup": SpanKind.SUPERSCRIPT, "sub": SpanKind.SUBSCRIPT}
_FORMATTING = re.compile(
    "a|abbr|b|big|blockquote|caption|center|cite|code|col|colgroup|del|details|dfn|div|em|figcaption|figure|font|h[1-6]"
    "|hr|i|img|input|ins|kbd|li|mark|ol|p|pre|q|s|samp|section|small|span|strike|strong|summary|table|tbody|td|tfoot"
    "|th|thead|tr|tt|u|ul|var"
)
"""Tags that models write for the look of a text: they are left out. Any other is taken for text of the page."""
_TARGET = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\^`{}|]+|#[\w.-]+", re.IGNORECASE)
_NOTE = re.compile(r"\[\^(?P<label>[^\]\s]{1,40})\]")
_UNSPACED = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_Opened = tuple[str, SpanKind | None, str, int]
"""The name of the mark, what it means, where a link leads, and where it begins."""


def inline(tokens: Sequence[Token], notes: frozenset[str], *, line_break: str = " ") -> Inline:
    """Put a text together.

    Args:
        tokens: of the parser, within one block.
        notes: labels of the notes that the answer has; a mark of any other is raised text.
        line_break: stands where a line is broken on purpose.
    """
    reading = _Reading(notes, line_break)
    for before, token in pairwise([None, *tokens, None]):
        if before is not None:
            reading.take(before, token)
    return _trimmed(reading.text, reading.spans)


class _Reading:
    """One pass over the tokens of a text."""

    def __init__(self, notes: frozenset[str], line_break: str) -> None:
        self._notes = notes
        self._line_break = line_break
        self._opened: list[_Opened] = []
        self.text = ""
        self.spans: list[Span] = []

    def take(self, token: Token, following: Token | None) -> None:
        match token.type:
            case "text":
                self._text(token.content)
            case "code_inline" | "formula":
                self._set(token.content, SpanKind.FORMULA if token.type == FORMULA else SpanKind.CODE)
            case "softbreak":
                self._soft_break(following)
            case "hardbreak":
                self._break()
            case "html_inline":
                self._tag(token.content)
            case _ if token.nesting > 0:
                name = token.type.removesuffix("_open")
                target = _target(str(token.attrs.get("href", "")))
                kind = _KINDS.get(name)
                self._opened.append((name, None if kind is SpanKind.LINK and not target else kind, target, self._at))
            case _ if token.nesting < 0:
                self._close(token.type.removesuffix("_close"))
            case _:
                pass  # a picture

    @property
    def _at(self) -> int:
        return len(self.text)

    def _break(self) -> None:
        self.text = self.text.rstrip() + self._line_break

    def _text(self, content: str) -> None:
        if self.text[-1:] in {" ", "\n"}:
            content = content.lstrip(" ")
        at = 0
        for found in _NOTE.finditer(content):
            self.text += content[at : found.start()]
            label, known = found["label"], found["label"] in self._notes
            self._set(label, SpanKind.FOOTNOTE if known else SpanKind.SUPERSCRIPT, label if known else "")
            at = found.end()
        self.text += content[at:]

    def _soft_break(self, following: Token | None) -> None:
        after = following.content[:1] if following is not None else ""
        if not (_UNSPACED.match(self.text[-1:]) and _UNSPACED.match(after)):
            self.text = self.text.rstrip() + " "

    def _tag(self, source: str) -> None:
        found = _TAG.match(source)
        name = found["name"].lower() if found else ""
        if name == "br":
            self._break()
        elif name in _SHIFTED and found:
            if found["closes"]:
                self._close(name)
            else:
                self._opened.append((name, _SHIFTED[name], "", self._at))
        elif not _FORMATTING.fullmatch(name) and not source.startswith("<!--"):
            self.text += source

    def _set(self, content: str, kind: SpanKind, target: str = "") -> None:
        start = len(self.text)
        self.text += content
        self.spans.append(Span(start, len(self.text), kind, target))

    def _close(self, name: str) -> None:
        for at in range(len(self._opened) - 1, -1, -1):
            if self._opened[at][0] == name:
                _, kind, target, start = self._opened.pop(at)
                if kind is not None:
                    self.spans.append(Span(start, len(self.text), kind, target))
                return


def _target(href: str) -> str:
    """Give where a link leads, in characters that cannot end its mark; nothing for what nobody should follow."""
    return href.replace("(", "%28").replace(")", "%29") if _TARGET.fullmatch(href) else ""


def _trimmed(text: str, spans: Sequence[Span]) -> Inline:
    kept = text.strip()
    start = text.find(kept) if kept else 0
    moved = [
        Span(max(0, span.start - start), min(len(kept), span.end - start), span.kind, span.target) for span in spans
    ]
    found = sorted((span for span in moved if span.start < span.end), key=lambda span: (span.start, -span.end))
    return Inline(kept, tuple(found))


def together(texts: Sequence[Inline], between: str = " ") -> Inline:
    """Join texts."""
    text, spans = "", list[Span]()
    for one in texts:
        text += between if text else ""
        spans += [Span(span.start + len(text), span.end + len(text), span.kind, span.target) for span in one.spans]
        text += one.text
    return Inline(text, tuple(spans))
