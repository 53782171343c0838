"""Tables as Markdown and as HTML.

A pipe table knows no cells over several rows or columns, so a table that has some is written as HTML, which Markdown
lets through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from llamaparse_worker.layout.phrases import is_plain, phrase
from llamaparse_worker.model.blocks import Span, Table
from llamaparse_worker.model.options import TableForm, TableOptions

FITTING = TableOptions()

_MARKUP = re.compile("[&<>\n]")
"""What does not stand for itself in a cell of HTML."""
_Place = tuple[int, int]
"""Row and column."""


def table_markdown(table: Table, options: TableOptions = FITTING) -> str:
    """Give a pipe table whose first row is its header, or HTML as the options say."""
    if not table.rows:
        return ""
    if options.form is TableForm.HTML or (options.form is TableForm.FITTING and has_spans(table)):
        return table_html(table, options)
    return pipe_table(table, options)


def pipe_table(table: Table, options: TableOptions = FITTING) -> str:
    """Give a pipe table; the first row is its header."""
    spans = {(cell.row, cell.column): cell.spans for cell in table.cells if cell.spans}
    # A pipe table ends at a line end, whatever is to stand there.
    line_break = options.line_break.replace("\n", " ")
    edge, between, rule = ("|", "|", "-|") if options.compact else ("| ", " | ", " --- |")
    rows: list[str] = []
    for number, row in enumerate(table.rows):
        cells: Sequence[str] = row
        if spans or not _is_plain_row(row):
            cells = [_pipe_cell(text, spans.get((number, at), ()), line_break) for at, text in enumerate(row)]
        rows.append(edge + between.join(cells) + edge[::-1])
    return "\n".join([rows[0], "|" + rule * len(table.rows[0]), *rows[1:]])


def _is_plain_row(row: Sequence[str]) -> bool:
    """Tell whether no cell has anything to escape."""
    text = "".join(row)
    return is_plain(text) and "|" not in text and "\n" not in text


def table_html(table: Table, options: TableOptions = FITTING) -> str:
    """Give an HTML table."""
    spans = {
        (cell.row, cell.column): (cell.row_span, cell.column_span)
        for cell in table.cells
        if cell.row_span > 1 or cell.column_span > 1
    }
    hidden = _hidden(table, spans) if spans else frozenset()
    made: list[str] = []
    for number, row in enumerate(table.rows):
        tag = "th" if number < table.header_rows else "td"
        texts = row if _MARKUP.search("".join(row)) is None else [_content(text, options) for text in row]
        if spans:
            cells = [
                f"<{tag}{_span(spans.get((number, column)))}>{text}</{tag}>"
                for column, text in enumerate(texts)
                if (number, column) not in hidden
            ]
            made.append(f"<tr>{''.join(cells)}</tr>")
        else:
            made.append(f"<tr><{tag}>{f'</{tag}><{tag}>'.join(texts)}</{tag}></tr>")
    head, body = "".join(made[: table.header_rows]), "".join(made[table.header_rows :])
    return f"<table>{f'<thead>{head}</thead>' if head else ''}<tbody>{body}</tbody></table>"


def _hidden(table: Table, spans: Mapping[_Place, tuple[int, int]]) -> frozenset[_Place]:
    """Give the places that the spans of other cells cover."""
    covered = (
        (row, column)
        for (top, left), (height, width) in spans.items()
        for row in range(top, top + height)
        for column in range(left, left + width)
    )
    return frozenset(covered) - {(cell.row, cell.column) for cell in table.cells}


def has_spans(table: Table) -> bool:
    """Tell whether a cell reaches over several rows or columns."""
    return any(cell.row_span > 1 or cell.column_span > 1 for cell in table.cells)


def _pipe_cell(text: str, spans: Sequence[Span], line_break: str) -> str:
    return phrase(text, spans, in_line=True).replace("|", "\\|").replace("\n", line_break)


def _span(span: tuple[int, int] | None) -> str:
    if span is None:
        return ""
    rows, columns = span
    return (f' rowspan="{rows}"' if rows > 1 else "") + (f' colspan="{columns}"' if columns > 1 else "")


def _content(text: str, options: TableOptions) -> str:
    return escape(text, quote=False).replace("\n", options.line_break)
