"""Blocks as plain text."""

from __future__ import annotations

from collections.abc import Iterable

from llamaparse_worker.model.blocks import Block, Footnote, ListBlock, Paragraph, Table


def plain_text(blocks: Iterable[Block]) -> str:
    """Give the text in reading order: a blank line between blocks, a line for each list item or table row.

    The cells of a table row are parted by a tab; list items keep the marks that the page prints. Comments and what is
    given on another page are left out.
    """
    return "\n\n".join(filter(None, map(plain, blocks)))


def plain(block: Block) -> str:
    """Give the text of one block."""
    match block:
        case Table():
            return "\n".join("\t".join(row) for row in block.rows)
        case ListBlock():
            return "\n".join(f"{'  ' * item.depth}{item.printed}" for item in block.items)
        case Footnote():
            return f"{block.label} {block.text}"
        case Paragraph(comment=True):
            return ""
        case _:
            return block.text
