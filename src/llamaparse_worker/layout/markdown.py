"""Blocks as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llamaparse_worker.layout.phrases import phrase
from llamaparse_worker.layout.table_markup import FITTING, table_markdown
from llamaparse_worker.model.blocks import Block, CodeBlock, Footnote, Heading, ListBlock, ListItem, Paragraph, Table
from llamaparse_worker.model.options import TableOptions

_ORDINAL = re.compile(r"(\d{1,9})[.)]")
_BOXES = {"☐": "[ ]", "☑": "[x]", "☒": "[x]"}
"""Boxes to be checked as GitHub's task lists have them."""
_FENCE = re.compile(r"`{3,}")


def markdown(blocks: Sequence[Block], tables: TableOptions = FITTING) -> str:
    """Give the blocks in order, a blank line between them."""
    return together(blocks, [block_markdown(block, tables) for block in blocks])


def together(blocks: Iterable[Block], made: Iterable[str]) -> str:
    """Join the Markdown of each block; one that goes on where another one is given leaves no trace."""
    parts: list[str] = []
    quoted = False
    for block, text in zip(blocks, made, strict=True):
        if isinstance(block, Table) and not block.rows:
            continue
        goes_on, quoted = quoted, isinstance(block, Paragraph) and block.quoted
        if parts:
            parts.append("\n>\n" if goes_on and quoted else "\n\n")
        parts.append(text)
    return "".join(parts)


def block_markdown(block: Block, tables: TableOptions = FITTING) -> str:
    """Give one block."""
    match block:
        case Heading():
            return f"{'#' * max(1, block.level)} {phrase(block.text, block.spans, in_line=True)}"
        case Paragraph():
            made = phrase(block.text, block.spans)
            return f"> {made}" if block.quoted else made
        case Footnote():
            return f"[^{block.label}]: {phrase(block.text, block.spans, in_line=True)}"
        case ListBlock():
            return "\n".join(map(_item, block.items))
        case Table():
            return table_markdown(block, tables)
        case CodeBlock():
            return _fenced(block)


def _item(item: ListItem) -> str:
    indent = "    " * item.depth
    if _ORDINAL.fullmatch(item.mark):
        return f"{indent}{item.mark} {phrase(item.text, item.spans)}"
    if item.mark in _BOXES:
        return f"{indent}- {_BOXES[item.mark]} {phrase(item.text, item.spans)}"
    kept = f"{item.mark} " if item.mark[-1:] in {".", ")"} else ""
    return f"{indent}- {kept}{phrase(item.text, item.spans)}"


def _fenced(block: CodeBlock) -> str:
    longest = max(map(len, _FENCE.findall(block.text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{block.language or ''}\n{block.text}\n{fence}"
