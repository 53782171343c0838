"""The parser: CommonMark with GitHub's tables and struck out text, and rules of our own for formulas and HTML tables.

Formulas are kept as they are written: no mark within one sets text apart or escapes anything. A formula whose content
would be a picture, a link or HTML for a reader without formulas is none, so that nothing can hide in one.
"""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

FORMULA: Final = "formula"
HTML_TABLE: Final = "html_table"
WRAPPING = frozenset({"", "markdown", "md"})
"""Languages of a code fence around a whole answer."""

_INLINE = re.compile(
    r"\$\$(?P<display>[^$]{1,4000})\$\$"
    r"|\$(?P<dollars>[^\s$](?:[^$\n]{0,1000}[^\s$])?)\$(?![\d$])"
    r"|\\\((?P<round>(?:[^\\]|\\[^)]){1,1000})\\\)"
    r"|\\\[(?P<square>(?:[^\\]|\\[^\]]){1,4000})\\\]"
)
_IS_TEX = re.compile(r"[\\^_{}=<>+]|^[A-Za-z](?:\([A-Za-z]\))?'*$")
"""What tells a formula from an amount of money."""
_IS_MORE = re.compile(r"\]\s*[(\[:]|<[A-Za-z/!?]|://|www\.|`", re.IGNORECASE)
_CLOSING = {"$$": "$$", "\\[": "\\]"}
_MOST_LINES = 100
_TABLE = re.compile(r"<table(?=[\s>/])", re.IGNORECASE)
_TABLE_EDGE = re.compile(r"<(?P<closes>/?)table(?=[\s>/])", re.IGNORECASE)
_REMOVED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What no reader of a document lets through either; U+FDD0 to U+FDEF are switches of the layout."""
_LINE_END = re.compile("[\r\x85\u2028\u2029]")
_FENCES = ("```", "~~~")
_FENCED = re.compile(
    r"\s*(?P<fence>`{3,}|~{3,})[ \t]*(?:markdown|md)[ \t]*\n(?P<within>.*?)\n?(?P=fence)\s*", re.DOTALL | re.IGNORECASE
)


def bare(answer: str, *, is_code: bool = False) -> str:
    """Give the Markdown of an answer: what no document holds is gone, and so is a code fence around all of it.

    ``is_code`` says that the page is nothing but program text, so that a fence without a language is a block of it.
    """
    text = _LINE_END.sub("\n", _REMOVED.sub("", answer.replace("\r\n", "\n")))
    fenced = _FENCED.fullmatch(text)
    if fenced or is_code:
        return fenced["within"] if fenced else text
    if not text.lstrip().startswith(_FENCES):
        return text  # as most are: to parse a page takes a millisecond
    tokens = _PARSER.parse(text)
    is_one_fence = len(tokens) == 1 and tokens[0].type == "fence" and tokens[0].info.strip().lower() in WRAPPING
    return tokens[0].content.rstrip("\n") if is_one_fence else text


def parse(markdown: str) -> list[Token]:
    """Give the tokens of the Markdown of an answer."""
    return _PARSER.parse(markdown)


def parse_inline(markdown: str) -> list[Token]:
    """Give the tokens of a text within a block."""
    return _PARSER.parseInline(markdown)[0].children or []


def _formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
    found = _INLINE.match(state.src, state.pos, state.posMax)
    if found is None or not found.lastgroup:
        return False
    within = found[found.lastgroup]
    if _IS_MORE.search(within) or (found.lastgroup == "dollars" and not _IS_TEX.search(within)):
        return False
    if not silent:
        state.push(FORMULA, "", 0).content = found[0]
    state.pos = found.end()
    return True


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    closing = _CLOSING.get(_line(state, start)[:2])
    if closing is None:
        return False
    for number in range(start, min(end, start + _MOST_LINES)):
        line = _line(state, number)[2 if number == start else 0 :]
        if closing in line or (number > start and not line):
            break
    else:
        return False
    content = state.getLines(start, number + 1, state.blkIndent, False).strip()  # noqa: FBT003
    if line.find(closing) != len(line) - len(closing) or _IS_MORE.search(content):
        return False
    if not silent:
        token = state.push(FORMULA, "", 0)
        token.content, token.map, token.block = content, [start, number + 1], True
        state.line = number + 1
    return True


def _html_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    """Take an HTML table up to its end, blank lines and all; one that never ends goes to the end of its block."""
    if not _TABLE.match(_line(state, start)):
        return False
    if silent:
        return True
    depth, number = 0, start
    while number < end:
        depth += sum(-1 if edge["closes"] else 1 for edge in _TABLE_EDGE.finditer(_line(state, number)))
        number += 1
        if depth <= 0:
            break
    token = state.push(HTML_TABLE, "", 0)
    token.content = state.getLines(start, number, 0, False)  # noqa: FBT003
    token.map, token.block = [start, number], True
    state.line = number
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True})
    parser.enable(["table", "strikethrough"])
    # Definitions of addresses show nothing, and would swallow notes of one word.
    # An indented list is more likely than code without a fence.
    parser.disable(["html_block", "reference", "code"])
    interrupting: RuleOptionsType = {"alt": ["paragraph", "blockquote", "list"]}
    parser.block.ruler.before("fence", HTML_TABLE, _html_table, interrupting)
    parser.block.ruler.before("fence", FORMULA, _formula_block, interrupting)
    parser.inline.ruler.before("escape", FORMULA, _formula)
    return parser


_PARSER = _parser()
