"""Lines of running text as one string.

A soft hyphen (U+00AD) at the end of a line says that the line end divides a word, which ``hyphens`` finds out; any
other hyphen there belongs to its word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llamaparse_worker.layout.codes import compiled

SOFT_HYPHEN = "\u00ad"

_LINE_END = re.compile("(?P<last>..|.)(?P<switches>[\ufdd0-\ufdef]*)$", re.DOTALL)
"""The last characters of a line, and the switches of look (see ``inline``) behind them."""
_LINE_START = re.compile("[\ufdd0-\ufdef]*(?P<first>.?)", re.DOTALL)
_LONGEST_END = 64
"""Characters at the end of a text that are looked at: more than a page has switches in a row."""
_HYPHENS = ("-", "\u2010", "\u2011")
_BOUND = ("/", "_")
"""Within addresses and names, where lines may break behind them."""
_UNSPACED = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_LEAST_TELLING_SIGN = "\u2010"
_TELLING = frozenset({*"-/_\n", SOFT_HYPHEN})
"""With all from ``_LEAST_TELLING_SIGN`` on: behind any other last character a line is joined with a space."""
ELLIPTIC = re.compile(r"[\ufdd0-\ufdef]*(?:and|or|to|und|oder|bis|bzw|sowie|et|ou|y|o|e|ed|och|en|of|og)\b")
"""What follows a hyphen that stands for the rest of a word: ``pre- and postwar``."""


def joined(lines: list[str]) -> str:
    """Join lines, which may be rich, with a space; a divided word becomes whole, Chinese and Japanese need no space."""
    if len(lines) == 1:
        return whole(lines[0])
    made: str | None = None if compiled is None else compiled.joined(lines)
    return joined_in_python(lines) if made is None else made


def joined_in_python(lines: Sequence[str]) -> str:
    """Do what ``joined`` does."""
    text = lines[0]
    for line in lines[1:]:
        if text and text[-1] < _LEAST_TELLING_SIGN and text[-1] not in _TELLING:
            text = f"{text} {line}"
            continue
        end, start = _LINE_END.search(text, max(0, len(text) - _LONGEST_END)), _LINE_START.match(line)
        if end is None or start is None:
            text += line
        elif end["last"].endswith(SOFT_HYPHEN):
            text = text[: end.start("switches") - 1] + end["switches"] + line
        elif _is_unspaced(end["last"], start["first"], line):
            text += line
        else:
            text = f"{text} {line}"
    return whole(text)


def whole(text: str) -> str:
    """Show a soft hyphen that nothing followed as the hyphen that the page prints."""
    return text.replace(SOFT_HYPHEN, "-") if SOFT_HYPHEN in text else text


def _is_unspaced(last: str, first: str, line: str) -> bool:
    if last.endswith(_HYPHENS):
        return last[:-1].isalnum() and first.isalnum() and not ELLIPTIC.match(line)
    if last.endswith(_BOUND):
        return last[:-1].isalnum() and first.isalnum()
    return bool(_UNSPACED.match(last[-1]) and _UNSPACED.match(first))
