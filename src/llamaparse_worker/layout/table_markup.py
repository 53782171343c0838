"""Tables as Markdown and as HTML.

A pipe table knows no cells over several rows or columns, so a table that has some is written as HTML, which Markdown
lets through.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from llamaparse_worker.layout.phrases import phrase
from llamaparse_worker.model.page import Span, Table

LINE_BREAK = "<br/>"


def table_markdown(table: Table) -> str:
    """Give a pipe table whose first row is its header, or HTML where a cell spans others."""
    if not table.rows:
        return ""
    return table_html(table) if has_spans(table) else pipe_table(table)


def pipe_table(table: Table) -> str:
    """Give a pipe table; the first row is its header."""
    spans = {(cell.row, cell.column): cell.spans for cell in table.cells if cell.spans}
    rows = [
        "| " + " | ".join(_pipe_cell(text, spans.get((number, column), ())) for column, text in enumerate(row)) + " |"
        for number, row in enumerate(table.rows)
    ]
    return "\n".join([rows[0], "|" + " --- |" * len(table.rows[0]), *rows[1:]])


def table_html(table: Table) -> str:
    """Give an HTML table."""
    spans = {(cell.row, cell.column): (cell.row_span, cell.column_span) for cell in table.cells}
    hidden = {
        (row, column)
        for (top, left), (height, width) in spans.items()
        for row in range(top, top + height)
        for column in range(left, left + width)
    } - set(spans)
    made: list[str] = []
    for number, row in enumerate(table.rows):
        tag = "th" if number < table.header_rows else "td"
        cells = [
            f"<{tag}{_span(spans.get((number, column), (1, 1)))}>{_content(text)}</{tag}>"
            for column, text in enumerate(row)
            if (number, column) not in hidden
        ]
        made.append(f"<tr>{''.join(cells)}</tr>")
    head, body = "".join(made[: table.header_rows]), "".join(made[table.header_rows :])
    return f"<table>{f'<thead>{head}</thead>' if head else ''}<tbody>{body}</tbody></table>"


def has_spans(table: Table) -> bool:
    """Tell whether a cell reaches over several rows or columns."""
    return any(cell.row_span > 1 or cell.column_span > 1 for cell in table.cells)


def _pipe_cell(text: str, spans: Sequence[Span]) -> str:
    return phrase(text, spans, in_line=True).replace("|", "\\|").replace("\n", LINE_BREAK)


def _span(span: tuple[int, int]) -> str:
    rows, columns = span
    return (f' rowspan="{rows}"' if rows > 1 else "") + (f' colspan="{columns}"' if columns > 1 else "")


def _content(text: str) -> str:
    return escape(text, quote=False).replace("\n", LINE_BREAK)
