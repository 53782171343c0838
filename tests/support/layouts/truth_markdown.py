"""A truth as Markdown and as plain text: what a perfect reader would give.

Notes stand behind the block that refers to them, whatever the page they are printed on. Tables are pipe tables, or HTML
where a cell reaches over several rows or columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from support.layouts.truth import (
    Beside,
    Block,
    Cell,
    Code,
    Figure,
    Heading,
    Item,
    Items,
    Look,
    Paragraph,
    Phrase,
    Role,
    Run,
    Table,
    Truth,
    plain,
)

_MARKS = {
    Look.BOLD: ("**", "**"),
    Look.ITALIC: ("*", "*"),
    Look.CODE: ("`", "`"),
    Look.RAISED: ("<sup>", "</sup>"),
    Look.NOTE: ("[^", "]"),
}


def truth_markdown(truth: Truth) -> str:
    """Give the whole document as Markdown."""
    return "\n\n".join(part for block in truth.blocks for part in _markdown(block)) + "\n"


def truth_text(truth: Truth) -> str:
    """Give the whole document as text: blocks parted by a blank line, cells by a tab."""
    return "\n\n".join(part for block in truth.blocks for part in _text(block)) + "\n"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {block.text}"
        case Paragraph():
            yield ("> " if block.role is Role.QUOTE else "") + _phrase(block.phrase)
            yield from (f"[^{note.label}]: {_phrase(note.phrase)}" for note in block.notes)
        case Items():
            yield "\n".join(f"{'    ' * item.depth}{_mark(item)} {_phrase(item.phrase)}" for item in block.items)
        case Code():
            yield "\n".join(("```", *block.lines, "```"))
        case Table():
            yield _html(block) if block.has_spans else _pipes(block)
        case Beside():
            yield from (part for table in block.tables for part in _markdown(table))
        case Figure():
            pass


def _text(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield block.text
        case Paragraph():
            yield plain(block.phrase)
            yield from (f"{note.label} {plain(note.phrase)}" for note in block.notes)
        case Items():
            yield "\n".join(f"{'  ' * item.depth}{_mark(item, '•')} {plain(item.phrase)}" for item in block.items)
        case Code():
            yield "\n".join(block.lines)
        case Table():
            yield "\n".join("\t".join(cell.text if cell else "" for cell in row) for row in block.rows)
        case Beside():
            yield from (part for table in block.tables for part in _text(table))
        case Figure():
            pass


def _mark(item: Item, bullet: str = "-") -> str:
    return f"{item.number}." if item.number else bullet


def _phrase(phrase: Phrase) -> str:
    return "".join(map(_run, phrase))


def _run(run: Run) -> str:
    if run.look is Look.LINK:
        return f"[{run.text}]({run.target})"
    before, after = _MARKS.get(run.look, ("", ""))
    return before + run.text + after


def _pipes(table: Table) -> str:
    lines = [f"| {' | '.join(cell.text if cell else '' for cell in row)} |" for row in table.rows]
    return "\n".join((lines[0], "|" + " --- |" * len(table.rows[0]), *lines[1:]))


def _html(table: Table) -> str:
    rows = [
        f"<tr>{''.join(_cells(row, 'th' if number < table.header_rows else 'td'))}</tr>"
        for number, row in enumerate(table.rows)
    ]
    head, body = "".join(rows[: table.header_rows]), "".join(rows[table.header_rows :])
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _cells(row: Iterable[Cell | None], tag: str) -> Iterator[str]:
    for cell in row:
        if cell is not None:
            spans = f' rowspan="{cell.rows}"' * (cell.rows > 1) + f' colspan="{cell.columns}"' * (cell.columns > 1)
            yield f"<{tag}{spans}>{cell.text}</{tag}>"
