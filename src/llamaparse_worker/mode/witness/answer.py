"""The Markdown of an answer as text that can be compared: CommonMark with GitHub's tables, and tables as HTML.

Nothing is refused: what is no valid Markdown is text. Marks of formatting and targets of links are no text, pictures
count for nothing, and numbers of list items and notes are free, as Markdown may number them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from llamaparse_worker.mode.witness.inline import is_plain, stretches, targets
from llamaparse_worker.mode.witness.tokens import Duty, Piece, Tokens, tokens_of

_FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})\s*(?P<language>[^\s`]*)")
_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}$|\s*=+\s*$")
_DELIMITERS = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_BAR = re.compile(r"(?<!\\)\|")
_OPENING = re.compile(r"[\s>]*(?:#{1,6}(?=\s)|[-*+•](?=\s)|(?P<number>\d{1,9})[.)](?=\s)|\[\^(?P<note>[^\]]+)\]:)?")
_TASK = re.compile(r"\s*\[[ xX]\](?=\s)")
_TABLE_TAG = re.compile(r"<table\b", re.IGNORECASE)
_TABLE_END = re.compile(r"</table\s*>", re.IGNORECASE)
_NO_TAG = re.compile(r"<(?![^<>]{1,2000}>)")
_WRAPPING = frozenset({"", "markdown", "md"})
_MOST_SPAN = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part of an answer stands: its line from 1, and for a cell its table, row and column from 0."""

    line: int
    table: int | None = None
    row: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """How many cells each row has, and the line that it begins on."""

    line: int
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """An answer: its text, its tables, and what is odd about its form."""

    markdown: str
    tokens: Tokens[Place]
    tables: tuple[AnswerTable, ...]
    targets: tuple[tuple[str, Place], ...]
    """Where its links and pictures lead."""
    is_wrapped: bool
    """Whether all of it stands in a code fence."""
    is_open: bool
    """Whether a fence or a table of HTML is not closed."""


def parse_answer(markdown: str) -> Answer:
    """Read an answer."""
    lines = markdown.splitlines()
    is_wrapped = _is_wrapped(lines)
    if is_wrapped:
        lines = ["", *lines[1:]]
        del lines[-1:]
    reading = _Reading(lines)
    tokens = tokens_of(reading.pieces())
    return Answer(markdown, tokens, tuple(reading.tables), tuple(reading.targets), is_wrapped, reading.is_open)


def _is_wrapped(lines: list[str]) -> bool:
    """Tell a text in one fence, and leave out blank lines behind it."""
    while lines and not lines[-1].strip():
        lines.pop()
    opening = _FENCE.match(lines[0]) if lines else None
    if opening is None or opening["language"].lower() not in _WRAPPING or len(lines) == 1:
        return False
    fences = [at for at, line in enumerate(lines) if line.strip().startswith(opening["fence"])]
    return fences == [0, len(lines) - 1]


class _Reading:
    """One pass over the lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._at = 0
        self.tables: list[AnswerTable] = []
        self.targets: list[tuple[str, Place]] = []
        self.is_open = False

    def pieces(self) -> Iterator[Piece[Place]]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if fence := _FENCE.match(line):
                yield from self._fenced(fence["fence"])
            elif "<" in line and _TABLE_TAG.search(line):
                yield from self._html_table()
            elif self._begins_table():
                yield from self._pipe_table()
            elif line.strip() in {"$$", "\\["}:
                yield from self._formula(line.strip())
            else:
                yield from self._line(line)
                self._at += 1

    def _fenced(self, fence: str) -> Iterator[Piece[Place]]:
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                return
            yield Piece(line, Place(self._at))
        self.is_open = True

    def _formula(self, opening: str) -> Iterator[Piece[Place]]:
        """Read a formula on lines of its own; one that is not closed ends with its paragraph."""
        closing = "\\]" if opening == "\\[" else "$$"
        self._at += 1
        first = self._at
        while self._at < len(self._lines) and self._lines[self._at].strip() not in {closing, ""}:
            self._at += 1
        text = " ".join(self._lines[first : self._at])
        yield from self._set(f"$${text}$$" if text.strip() else "", Place(first + 1))
        self._at += 1

    def _begins_table(self) -> bool:
        following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
        return (
            "|" in self._lines[self._at] and "|" in following and _DELIMITERS.fullmatch(following.strip()) is not None
        )

    def _pipe_table(self) -> Iterator[Piece[Place]]:
        first = self._at
        rows: list[int] = []
        while self._at < len(self._lines) and "|" in self._lines[self._at]:
            if self._at != first + 1:
                cells = _cells(self._lines[self._at])
                for column, cell in enumerate(cells):
                    yield from self._set(cell, Place(self._at + 1, len(self.tables), len(rows), column))
                rows.append(len(cells))
            self._at += 1
        self.tables.append(AnswerTable(first + 1, tuple(rows)))

    def _html_table(self) -> Iterator[Piece[Place]]:
        first = self._at
        depth = 0
        while self._at < len(self._lines):
            line = self._lines[self._at]
            depth += len(_TABLE_TAG.findall(line)) - len(_TABLE_END.findall(line))
            self._at += 1
            if depth <= 0:
                break
        else:
            self.is_open = True
        parser = _TableParser(first + 1, len(self.tables))
        # A sign that opens no tag is text, and costs the parser a look at all that follows.
        parser.feed(_NO_TAG.sub("&lt;", "\n".join(self._lines[first : self._at])))
        parser.close()
        for text, place in parser.texts:
            yield from self._set(text, place)
        self.tables += parser.tables

    def _line(self, line: str) -> Iterator[Piece[Place]]:
        if _RULE.match(line):
            return
        place = Place(self._at + 1)
        opening = _OPENING.match(line)
        if opening is None:
            yield from self._set(line, place)
            return
        mark = opening["number"] or opening["note"]
        if mark:
            yield Piece(mark, place, Duty.FREE)
        rest = line[opening.end() :]
        task = _TASK.match(rest)
        yield from self._set(rest if task is None else rest[task.end() :], place)

    def _set(self, text: str, place: Place) -> Iterator[Piece[Place]]:
        if is_plain(text):  # as most are, and the search for marks is the dearest part of the whole
            if text:
                yield Piece(text, place)
            return
        self.targets += ((target, place) for target in targets(text))
        for number, stretch in enumerate(stretches(text)):
            yield Piece(stretch.text, place, stretch.duty, joins=stretch.joins and number > 0)


def _cells(line: str) -> list[str]:
    stripped = line.strip()
    inner = stripped[stripped.startswith("|") :]
    parts = _BAR.split(inner)
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    return [part.strip().replace("\\|", "|") for part in parts]


class _TableParser(HTMLParser):
    """Reads tables of HTML; a cell over several columns counts for as many, and tables in tables are text."""

    def __init__(self, line: int, number: int) -> None:
        super().__init__(convert_charrefs=False)
        self._line = line
        self._number = number
        self._depth = 0
        self._widths: list[int] = []
        self._column = 0
        self._above: dict[int, int] = {}
        self._cell: Place | None = None
        self._parts: list[str] = []
        self.texts: list[tuple[str, Place]] = []
        self.tables: list[AnswerTable] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
        elif tag == "tr" and self._depth == 1:
            self._end_cell()
            self._widths.append(0)
            self._column = 0
            self._above = {at: left - 1 for at, left in self._above.items() if left > 1}
        elif tag in {"td", "th"} and self._depth == 1:
            self._begin_cell(dict(attrs))
        else:
            self._parts.append(self.get_starttag_text() or "")

    def _begin_cell(self, attributes: dict[str, str | None]) -> None:
        self._end_cell()
        self._widths = self._widths or [0]
        while self._above.get(self._column, 0):
            self._column += 1
        rows, columns = _span(attributes.get("rowspan")), _span(attributes.get("colspan"))
        self._cell = Place(self._line + self.getpos()[0] - 1, self._number, len(self._widths) - 1, self._column)
        if rows > 1:
            # Counted down at the next row, which is the first that it reaches over.
            self._above.update(dict.fromkeys(range(self._column, self._column + columns), rows))
        self._column += columns
        self._widths[-1] = max(self._column, *(at + 1 for at in self._above), 0)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self._depth == 1:
            self._end_cell()
        elif tag == "table":
            self._depth -= 1
            if self._depth == 0:
                self._end_table()
        else:
            self._parts.append(f"</{tag}>")

    def _end_cell(self) -> None:
        text = "".join(self._parts)
        place = self._cell or Place(self._line + self.getpos()[0] - 1)
        if text.strip():
            self.texts.append((text, place))
        self._parts, self._cell = [], None

    def _end_table(self) -> None:
        self._end_cell()
        if self._widths:
            self.tables.append(AnswerTable(self._line, tuple(self._widths)))
            self._number += 1
        self._widths, self._above, self._column = [], {}, 0

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self._parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._parts.append(f"&#{name};")

    def close(self) -> None:
        super().close()
        self._end_cell()
        if self._widths:
            self._end_table()


def _span(value: str | None) -> int:
    return min(_MOST_SPAN, max(1, int(value))) if value and value.isdecimal() else 1
