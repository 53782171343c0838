"""Answers that are as right as the truth, written in another way: what models do freely, and checks must not mind."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from support.corruptions import tables

_HEADING = re.compile(r"^#{1,6}(?= )", re.MULTILINE)
_NUMBERED = re.compile(r"^(\s*)\d+([.)])(?= )", re.MULTILINE)
_BULLET = re.compile(r"^(\s*)[-*](?= )", re.MULTILINE)
_FENCED = re.compile(r"^(`{3,})[^\n]*\n.*?^\1", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_LETTERS = re.compile(r"(?<![\w`<&\\/])[^\W\d_]{4,}(?![\w`>;])")
_TYPED = str.maketrans(
    {"“": '"', "”": '"', "\u2019": "'", "\u2018": "'", "\u2013": "-", "\u2014": "-", "…": "...", "\u00a0": " "}
)

Variation = Callable[[str, Random], str]


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    parts: list[str] = []
    at = 0
    for found in _FENCED.finditer(markdown):
        parts += (change(markdown[at : found.start()]), found[0])
        at = found.end()
    return "".join((*parts, change(markdown[at:])))


def other_levels(markdown: str, chance: Random) -> str:
    """Give headings other levels, or set them bold."""
    return _outside_code(markdown, lambda text: _HEADING.sub(lambda _: "#" * chance.randrange(1, 7), text))


def other_list_marks(markdown: str, chance: Random) -> str:
    """Number lists anew, and take other bullets."""
    bullet = chance.choice("-*+")

    def change(text: str) -> str:
        return _BULLET.sub(rf"\1{bullet}", _NUMBERED.sub(r"\g<1>1\2", text))

    return _outside_code(markdown, change)


def tables_of_html(markdown: str, _chance: Random) -> str:
    """Write pipe tables as HTML."""
    made = markdown
    for table in sorted(tables(markdown), key=lambda one: -one.rows[0].start):
        if made[table.rows[0].start : table.rows[0].end].startswith("<"):
            continue
        rows = "".join(
            f"<tr>{''.join(f'<td>{_as_html(cell.text.strip())}</td>' for cell in row.cells)}</tr>" for row in table.rows
        )
        made = f"{made[: table.rows[0].start]}<table>{rows}</table>\n{made[table.rows[-1].end :]}"
    return made


def _as_html(text: str) -> str:
    return re.sub(r"`([^`]*)`", lambda found: found[1].replace("<", "&lt;"), text).replace("**", "")


def typed_marks(markdown: str, _chance: Random) -> str:
    """Write quotes, dashes and dots as a keyboard has them."""
    return markdown.translate(_TYPED)


def emphasis(markdown: str, chance: Random) -> str:
    """Set some words bold or in italics."""

    def change(text: str) -> str:
        lines = text.split("\n")
        return "\n".join(
            _LETTERS.sub(lambda found: f"**{found[0]}**" if chance.random() < 0.05 else found[0], line)
            if re.match(r"[^\W\d_]", line) and "](" not in line and "`" not in line and "$" not in line
            else line
            for line in lines
        )

    return _outside_code(markdown, change)


def pictures(markdown: str, _chance: Random) -> str:
    """Describe a picture in words that the page does not print."""
    return f"{markdown}\n\n![A photograph of a harbour with 12 boats at sunset in 1987](image-1.png)\n"


def other_order(markdown: str, chance: Random) -> str:
    """Read two halves of the page in the other order, as of columns."""
    blocks = re.split(r"\n{2,}(?=[^\n]*\S)", markdown) if "```" not in markdown else [markdown]
    at = chance.randrange(len(blocks))
    return "\n\n".join((*blocks[at:], *blocks[:at]))


def fenced(markdown: str, _chance: Random) -> str:
    """Put all of it into a code fence."""
    return f"````markdown\n{markdown}\n````"


def breaks_in_cells(markdown: str, chance: Random) -> str:
    """Break lines within cells of tables."""
    made = markdown
    for table in sorted(tables(markdown), key=lambda one: -one.rows[0].start):
        for row in reversed(table.rows[1:]):
            for cell in reversed(row.cells):
                spaces = [
                    found.start()
                    for found in re.finditer(r"(?<=\w) (?=\w)", cell.text)
                    if cell.text[: found.start()].count("`") % 2 == 0 and not _TAG.search(cell.text)
                ]
                if spaces:
                    at = cell.start + chance.choice(spaces)
                    made = f"{made[:at]}<br>{made[at + 1 :]}"
    return made


VARIATIONS: dict[str, Variation] = {
    "other levels": other_levels,
    "other list marks": other_list_marks,
    "tables of HTML": tables_of_html,
    "typed marks": typed_marks,
    "emphasis": emphasis,
    "pictures": pictures,
    "other order": other_order,
    "fenced": fenced,
    "breaks in cells": breaks_in_cells,
}
