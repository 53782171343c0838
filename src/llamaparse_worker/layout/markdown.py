"""Blocks as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llamaparse_worker.layout.phrases import escaped_within, phrase
from llamaparse_worker.model.page import Block, CodeBlock, Heading, ListBlock, ListItem, Paragraph, Table

_ORDINAL = re.compile(r"(\d{1,9})[.)]")
_FENCE = re.compile(r"`{3,}")


def markdown(blocks: Iterable[Block]) -> str:
    """Give the blocks in order, a blank line between them."""
    return "\n\n".join(map(block_markdown, blocks))


def block_markdown(block: Block) -> str:
    """Give one block."""
    match block:
        case Heading():
            return f"{'#' * max(1, block.level)} {phrase(block.text, block.spans, in_line=True)}"
        case Paragraph():
            return phrase(block.text, block.spans)
        case ListBlock():
            return "\n".join(map(_item, block.items))
        case Table():
            return table_markdown(block.rows)
        case CodeBlock():
            return _fenced(block)


def table_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Give a pipe table; the first row is its header."""
    if not rows:
        return ""
    rule = "|" + " --- |" * len(rows[0])
    return "\n".join([_row(rows[0]), rule, *map(_row, rows[1:])])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return escaped_within(text).replace("|", "\\|").replace("\n", "<br/>")


def _item(item: ListItem) -> str:
    indent = "    " * item.depth
    if _ORDINAL.fullmatch(item.mark):
        return f"{indent}{item.mark} {phrase(item.text, item.spans)}"
    kept = f"{item.mark} " if item.mark[-1:] in {".", ")"} else ""
    return f"{indent}- {kept}{phrase(item.text, item.spans)}"


def _fenced(block: CodeBlock) -> str:
    longest = max(map(len, _FENCE.findall(block.text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{block.language or ''}\n{block.text}\n{fence}"
