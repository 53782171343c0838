"""Answers that a model could have written of a page, each spoiled in one way; the same chance spoils the same way.

The ways are told apart by what they do to the reader: a digit changed, a row or sentence dropped or invented, columns
swapped, a loop, an end too soon, talk around the text. Where a text has nothing to spoil in a way, None comes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_HIDDEN = re.compile(
    r"^[ \t>]*(?:\d+[.)]\s|`{3}.*$|~{3}.*$)|\[\^[^\]]*\](?::)?|!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|<[^<>\n]*>"
    r"|&#?\w+;|\$\$.*?\$\$|\$[^$\n]+\$|\\\(.*?\\\)|\\\[.*?\\\]",
    re.MULTILINE | re.DOTALL,
)
"""What nobody reads, or what Markdown may number anew."""
_BAR = re.compile(r"(?<!\\)\|")
_DELIMITERS = re.compile(r"\s*\|(?:\s*:?-+:?\s*\|)+\s*$")
_HTML_TABLE = re.compile(r"<table.*?</table>", re.DOTALL)
_HTML_ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)
_HTML_CELL = re.compile(r"<t[dh](?P<span>[^>]*)>(?P<text>.*?)</t[dh]>", re.DOTALL)
_SENTENCE_END = re.compile("(?<=[.!?\u3002\uff01\uff1f])\\s*")
_TAG = re.compile(r"<[^<>]*>")
_LEAST_WORDS = 3
INVENTED = (
    "This approach has been shown to improve overall performance in most practical situations.",
    "Please consult the latest edition of the manual before making any changes to the configuration.",
    "All figures in this section are rounded to the nearest whole number unless stated otherwise.",
    "The results were later confirmed by an independent study of several comparable regions.",
    "As a consequence, the committee decided to postpone the vote until the following spring.",
    "Users should note that these settings take effect only after the service has been restarted.",
    "In contrast, smaller companies reported a moderate decline over the same period.",
    "It is therefore recommended to repeat the measurement at least twice under equal conditions.",
    "Die Ergebnisse wurden später durch eine unabhängige Untersuchung in mehreren Regionen bestätigt.",
    "Les résultats ont ensuite été confirmés par une étude indépendante menée dans plusieurs régions.",
    "Los resultados fueron confirmados más tarde por un estudio independiente en varias regiones.",
    "这些结果后来在几个地区的一项独立研究中得到了证实。",
)
CHAT = (
    "Here is the transcription of the page in Markdown format:",
    "Sure! Here's the extracted content of the document:",
    "I'm sorry, but parts of the image are too blurry to read.",
    "Let me know if you would like me to convert another page.",
    "The image shows a page of a document with text and a table.",
    "Hier ist der Inhalt der Seite als Markdown:",
    "以下是该页面的内容",
)


@dataclass(frozen=True, slots=True)
class Corruption:
    """A spoiled answer, and what of it is wrong or missing."""

    markdown: str
    text: str


Spoiler = Callable[[str, Random], Corruption | None]


def changed_digit(markdown: str, chance: Random) -> Corruption | None:
    """Change one digit of a number."""
    hidden = [found.span() for found in _HIDDEN.finditer(markdown)]
    places = [
        found.start()
        for found in _DIGIT.finditer(markdown)
        if not any(start <= found.start() < end for start, end in hidden)
    ]
    if not places:
        return None
    at = chance.choice(places)
    other = chance.choice([digit for digit in "0123456789" if digit != markdown[at]])
    return Corruption(markdown[:at] + other + markdown[at + 1 :], other)


def dropped_digit(markdown: str, chance: Random) -> Corruption | None:
    """Leave out one digit of a number of several."""
    hidden = [found.span() for found in _HIDDEN.finditer(markdown)]
    places = [
        found.start()
        for found in re.finditer(r"\d(?=\d)|(?<=\d)\d", markdown)
        if not any(start <= found.start() < end for start, end in hidden)
    ]
    if not places:
        return None
    at = chance.choice(places)
    return Corruption(markdown[:at] + markdown[at + 1 :], markdown[at])


def moved_point(markdown: str, chance: Random) -> Corruption | None:
    """Move the point or comma of a number by a digit."""
    hidden = [found.span() for found in _HIDDEN.finditer(markdown)]
    found = [
        one
        for one in re.finditer(r"(?<=\d)([.,])(\d)", markdown)
        if not any(start <= one.start() < end for start, end in hidden)
    ]
    if not found:
        return None
    one = chance.choice(found)
    return Corruption(f"{markdown[: one.start()]}{one[2]}{one[1]}{markdown[one.end() :]}", one[0])


def dropped_row(markdown: str, chance: Random) -> Corruption | None:
    """Leave out a row of the body of a table."""
    rows = [row for table in tables(markdown) for row in table.rows[1:] if row.has_text]
    if not rows:
        return None
    row = chance.choice(rows)
    return Corruption(markdown[: row.start] + markdown[row.end :], markdown[row.start : row.end])


def invented_row(markdown: str, chance: Random) -> Corruption | None:
    """Repeat a row of a table with other numbers or words."""
    rows = [row for table in tables(markdown) for row in table.rows[1:] if row.has_text]
    if not rows:
        return None
    row = chance.choice(rows)
    text = markdown[row.start : row.end]
    hidden = [found.span() for found in re.finditer(r"<[^<>]*>", text)]
    new = "".join(
        str(chance.randrange(10)) if sign.isdigit() and not any(a <= at < b for a, b in hidden) else sign
        for at, sign in enumerate(text)
    )
    return Corruption(markdown[: row.end] + new + markdown[row.end :], new)


def swapped_columns(markdown: str, chance: Random, *, heads: bool = False) -> Corruption | None:
    """Swap two columns of the body of a table, so that values stand under the wrong heads; or their heads too."""
    ways = []
    for table in tables(markdown):
        body = table.rows[1:]
        width = min((len(row.cells) for row in body), default=0)
        regular = all(len(row.cells) == width for row in body) and not table.has_spans
        for one in range(width):
            for other in range(one + 1, width):
                unlike = sum(_words(row.cells[one].text) != _words(row.cells[other].text) for row in body)
                if regular and 2 * unlike > len(body):
                    ways.append((table, one, other))
    if not ways:
        return None
    table, one, other = chance.choice(ways)
    made = markdown
    for row in reversed(table.rows if heads else table.rows[1:]):
        left, right = row.cells[one], row.cells[other]
        made = "".join((made[: left.start], right.text, made[left.end : right.start], left.text, made[right.end :]))
    return Corruption(made, table.rows[-1].cells[one].text)


def swapped_columns_with_heads(markdown: str, chance: Random) -> Corruption | None:
    """Swap two columns of a table and their heads."""
    return swapped_columns(markdown, chance, heads=True)


def invented_sentence(markdown: str, chance: Random) -> Corruption | None:
    """Add a sentence, to a paragraph or as one of its own."""
    at = _end_of_line(markdown, chance)
    if at is None:
        return None
    sentence = chance.choice([one for one in INVENTED if one not in markdown])
    return Corruption(f"{markdown[:at]}{chance.choice((' ', chr(10) * 2))}{sentence}{markdown[at:]}", sentence)


def repeated_sentence(markdown: str, chance: Random) -> Corruption | None:
    """Say a sentence of the page twice."""
    sentences = [
        one for line in _prose(markdown) for one in _sentences(line) if len(_WORD.findall(one)) > 2 * _LEAST_WORDS
    ]
    at = _end_of_line(markdown, chance)
    if not sentences or at is None:
        return None
    sentence = chance.choice(sentences)
    return Corruption(f"{markdown[:at]} {sentence}{markdown[at:]}", sentence)


def dropped_sentence(markdown: str, chance: Random) -> Corruption | None:
    """Leave out a sentence."""
    sentences = [
        one for line in _prose(markdown) for one in _sentences(line) if len(_WORD.findall(one)) > 2 * _LEAST_WORDS
    ]
    if not sentences:
        return None
    sentence = chance.choice(sentences)
    return Corruption(markdown.replace(sentence, "", 1), sentence)


def loop(markdown: str, chance: Random) -> Corruption | None:
    """Repeat a line or sentence until the end."""
    lines = [
        found
        for found in re.finditer(r"[^\n]+", markdown)
        if len(_WORD.findall(_TAG.sub("", found[0]))) >= _LEAST_WORDS
    ]
    if not lines:
        return None
    line = chance.choice(lines)
    sentence = chance.choice(
        [line[0], *(one for one in _sentences(line[0]) if len(_WORD.findall(one)) >= _LEAST_WORDS)]
    )
    glue = "\n" if "|" in sentence or sentence == line[0] else " "
    rest = markdown[line.end() :] if chance.random() < 0.3 else ""
    return Corruption(markdown[: line.end()] + (glue + sentence) * chance.randrange(6, 40) + rest, sentence)


def truncation(markdown: str, chance: Random) -> Corruption | None:
    """End too soon, anywhere, be it within a word."""
    length = len(markdown.rstrip())
    at = chance.randrange(length // 10, max(length // 10 + 1, int(0.97 * length)))
    lost = _WORD.findall(_TAG.sub("", _HIDDEN.sub("", markdown[at:])))
    return None if len(lost) <= _LEAST_WORDS else Corruption(markdown[:at], markdown[at:])


def chat(markdown: str, chance: Random) -> Corruption | None:
    """Speak to the reader before or behind the text."""
    phrase = chance.choice(CHAT)
    made = f"{phrase}\n\n{markdown}" if chance.random() < 0.5 else f"{markdown}\n\n{phrase}"
    return Corruption(made, phrase)


KINDS: dict[str, Spoiler] = {
    "changed digit": changed_digit,
    "dropped row": dropped_row,
    "invented sentence": invented_sentence,
    "swapped columns": swapped_columns,
    "loop": loop,
    "truncation": truncation,
    "dropped digit": dropped_digit,
    "moved point": moved_point,
    "invented row": invented_row,
    "swapped columns with heads": swapped_columns_with_heads,
    "repeated sentence": repeated_sentence,
    "dropped sentence": dropped_sentence,
    "chat": chat,
}
"""All ways; the first six are those that promises are made for."""
PROMISED = tuple(KINDS)[:6]


@dataclass(frozen=True, slots=True)
class Part:
    """A cell: its text and where it stands in the Markdown."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row with its line end, if it has one."""

    cells: tuple[Part, ...]
    start: int
    end: int

    @property
    def has_text(self) -> bool:
        return any(_words(cell.text) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; the first row is its head."""

    rows: tuple[Row, ...]
    has_spans: bool = False


def tables(markdown: str) -> list[Rows]:
    """Find the pipe tables and the tables of HTML that have a head and a row."""
    found = [_html(one) for one in _HTML_TABLE.finditer(markdown)]
    lines = list(re.finditer(r"[^\n]*\n?", _without_code(markdown)))
    for number, line in enumerate(lines[1:], 1):
        if _DELIMITERS.fullmatch(line[0].rstrip("\n")) and "|" in lines[number - 1][0]:
            rows = [lines[number - 1]]
            for following in lines[number + 1 :]:
                if not following[0].strip().startswith("|"):
                    break
                rows.append(following)
            found.append(Rows(tuple(_pipe_row(row) for row in rows)))
    return [table for table in found if len(table.rows) > 1]


def _pipe_row(line: re.Match[str]) -> Row:
    bars = [bar.start() for bar in _BAR.finditer(line[0])]
    cells = tuple(
        Part(line[0][one + 1 : other], line.start() + one + 1, line.start() + other) for one, other in pairwise(bars)
    )
    return Row(cells, line.start(), line.end())


def _html(table: re.Match[str]) -> Rows:
    rows = []
    for row in _HTML_ROW.finditer(table[0]):
        start = table.start() + row.start()
        cells = tuple(
            Part(cell["text"], start + cell.start("text"), start + cell.end("text"))
            for cell in _HTML_CELL.finditer(row[0])
        )
        rows.append(Row(cells, start, start + len(row[0])))
    return Rows(tuple(rows), "span=" in table[0])


def _without_code(markdown: str) -> str:
    """Blank out what stands in fences, in place."""
    return re.sub(
        r"^(`{3,})[^\n]*\n.*?^\1",
        lambda found: re.sub(r"[^\n]", "x", found[0]),
        markdown,
        flags=re.MULTILINE | re.DOTALL,
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(_TAG.sub(" ", text).lower())


def _prose(markdown: str) -> list[str]:
    """Give the lines that are running text."""
    return [
        line
        for line in _without_code(markdown).split("\n")
        if not re.match(r"\s*(?:[|#>`$]|<|\[\^|x{3,})", line) and len(_WORD.findall(line)) > _LEAST_WORDS
    ]


def _sentences(line: str) -> Sequence[str]:
    return [part for part in _SENTENCE_END.split(line) if part]


def _end_of_line(markdown: str, chance: Random) -> int | None:
    lines = _prose(markdown)
    if not lines:
        return None
    line = chance.choice(lines)
    return markdown.index(line) + len(line)
