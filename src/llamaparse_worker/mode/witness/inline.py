"""The text of a line of Markdown: marks, targets, pictures and tags gone, formulas and marks of notes told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from llamaparse_worker.mode.witness.tokens import Duty

_TAGS = (
    "a|abbr|b|big|blockquote|br|caption|center|cite|code|col|colgroup|del|details|dfn|div|em|figcaption|figure|font|"
    "h[1-6]|hr|i|img|input|ins|kbd|li|mark|ol|p|pre|q|s|samp|section|small|span|strike|strong|sub|summary|sup|table|"
    "tbody|td|tfoot|th|thead|tr|tt|u|ul|var"
)
# What repeats has a limit, so that a line of opening marks alone takes no longer than its length.
_PART = re.compile(
    r"(?P<ticks>`{1,8})(?P<code>(?:(?!(?P=ticks)).){1,2000})(?P=ticks)(?!`)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])(?<!\\[(\[])"
    r"|!\[[^\]]{0,2000}\](?:\([^()]{0,2000}(?:\([^()]{0,200}\)[^()]{0,2000}){0,4}\)|\[[^\]]{0,200}\])"
    r"|(?P<note>\[\^[^\]\s]+\])"
    r"|<sup>(?P<raised>[^<]{1,8})</sup>"
    r"|\]\((?P<target><[^<>]{0,2000}>|[^()\s]{0,2000}(?:\([^()]{0,200}\)[^()\s]{0,2000}){0,4})(?:\s{1,9}(?:\"[^\"]{0,200}\"|'[^']{0,200}'))?\)"
    r"|\$\$(?P<display>.{1,4000}?)\$\$|\\\[(?P<display2>.{1,4000}?)\\\]|\\\((?P<formula>.{1,4000}?)\\\)"
    r"|\$(?P<dollars>[^\s$](?:[^$]{0,2000}[^\s$])?)\$(?!\d)"
    rf"|<!--.{{0,2000}}?-->|</?(?:{_TAGS})(?:\s[^<>]{{0,2000}})?/?>"
)
_TARGET = re.compile(
    r"\]\(\s{0,9}<?(?P<target>[^()\s<>]{0,2000}(?:\([^()]{0,200}\)[^()\s<>]{0,2000}){0,4})"
    r"|^ {0,3}\[[^\]^]{1,200}\]:\s{0,9}<?(?P<defined>[^\s<>]{1,2000})"
    r"|<(?:img|a)\s[^<>]{0,2000}?(?:src|href)\s{0,9}=\s{0,9}[\"']?(?P<tagged>[^\s\"'<>]{1,2000})",
    re.IGNORECASE,
)
_MARK = re.compile(r"[]\\[`!<$&*~=_]")
"""One of these begins or ends whatever is no plain text."""
_LINE_BREAK = re.compile(r"<(?:br|/p|/li|/div|hr)\b", re.IGNORECASE)
_PAIRED_MARKS = re.compile(r"\*\*|~~|==|(?<![^\W_])_{1,2}(?=\w)|(?<=\w)_{1,2}(?![^\W_])")
_IS_FORMULA = re.compile(r"[\\^_{}=<>+]|^[A-Za-z](?:\([A-Za-z]\))?'*$")
_COMMAND = re.compile(r"\\(?:begin|end|text|mathrm|mathbf|operatorname|left|right|[A-Za-z]+|.)")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the text of a line; ``joins`` says that no space stands before it."""

    text: str
    duty: Duty = Duty.EXACT
    joins: bool = True


def is_plain(text: str) -> bool:
    """Tell whether a text is what it says: without marks, targets, tags and formulas."""
    return _MARK.search(text) is None


def stretches(text: str) -> Iterator[Stretch]:
    """Cut the text of a line, without the mark that its block begins with."""
    at = 0
    plain = ""
    for found in _PART.finditer(text):
        plain += _without_marks(text[at : found.start()])
        at = found.end()
        if found["escaped"] is not None:
            plain += found["escaped"]  # within a number, too
            continue
        yield from _plain(plain)
        plain = ""
        yield from _special(found)
    yield from _plain(plain + _without_marks(text[at:]))


def targets(text: str) -> Iterator[str]:
    """Give where the links and pictures of a text lead."""
    for found in _TARGET.finditer(text):
        yield found["target"] or found["defined"] or found["tagged"] or ""


def _plain(text: str) -> Iterator[Stretch]:
    if text:
        yield Stretch(text)


def _without_marks(text: str) -> str:
    return unescape(_PAIRED_MARKS.sub("", text))


def _special(found: re.Match[str]) -> Iterator[Stretch]:
    if found["code"] is not None:
        yield Stretch(found["code"])
    elif found["note"] is not None:
        yield Stretch(found["note"], Duty.FREE, joins=False)
    elif found["raised"] is not None:
        yield Stretch(unescape(found["raised"]), Duty.OPTIONAL, joins=False)
        yield Stretch("", joins=False)
    elif found["dollars"] is not None and not _IS_FORMULA.search(found["dollars"]):
        yield Stretch(unescape(found[0]))
    elif (formula := found["display"] or found["display2"] or found["formula"] or found["dollars"]) is not None:
        yield Stretch(_COMMAND.sub(" ", formula), Duty.FORMULA, joins=False)
        yield Stretch("", joins=False)
    elif _LINE_BREAK.match(found[0]):
        yield Stretch("", joins=False)
