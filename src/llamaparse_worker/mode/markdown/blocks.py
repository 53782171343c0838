"""Blocks from the tree that the parser makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from llamaparse_worker.layout.inline import Inline
from llamaparse_worker.mode.markdown.html_table import html_blocks
from llamaparse_worker.mode.markdown.inline import inline, together
from llamaparse_worker.mode.markdown.parser import FORMULA, HTML_TABLE, parse, parse_inline
from llamaparse_worker.model.blocks import (
    Block,
    Cell,
    CodeBlock,
    Footnote,
    Heading,
    ListBlock,
    ListItem,
    Paragraph,
    Span,
    SpanKind,
    Table,
)
from llamaparse_worker.model.geometry import Box

_NOTE = re.compile(r"^\[\^(?P<label>[^\]\s]{1,40})\]:[ \t]*", re.MULTILINE)
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}")
_TASK = re.compile(r"\[(?P<done>[ xX])\]\s+")
_BULLET = "•"


def blocks_of(markdown: str, box: Box) -> tuple[Block, ...]:
    """Give the blocks of bare Markdown in order; ``box`` stands for the place of each.

    Headings have the level that the answer gives them and no size.
    """
    return tuple(_Making(box, frozenset(_NOTE.findall(markdown))).blocks(parse(markdown)))


class _Making:
    """Makes blocks of one answer."""

    def __init__(self, box: Box, notes: frozenset[str]) -> None:
        self._box = box
        self._notes = notes

    def blocks(self, tokens: list[Token]) -> Iterator[Block]:
        for node in SyntaxTreeNode(tokens).children:
            yield from self._block(node)

    def _block(self, node: SyntaxTreeNode, *, quoted: bool = False) -> Iterator[Block]:
        match node.type:
            case "heading":
                yield from self._heading(node)
            case "paragraph":
                yield from self._paragraph(node, quoted=quoted)
            case "bullet_list" | "ordered_list":
                yield from self._list(node)
            case "blockquote":
                for child in node.children:
                    yield from self._block(child, quoted=True)
            case "table":
                yield self._table(node)
            case "fence" | "code_block" if node.content.strip():
                yield self._code(node)
            case _ if node.type == HTML_TABLE:
                yield from html_blocks(node.content, self._box, self._notes)
            case _ if node.type == FORMULA:
                spans = (Span(0, len(node.content), SpanKind.FORMULA),)
                yield Paragraph(node.content, self._box, spans=spans, quoted=quoted)
            case _:
                pass  # a rule between blocks

    def _heading(self, node: SyntaxTreeNode) -> Iterator[Block]:
        text = self._text(node)
        if text.text:
            yield Heading(text.text, self._box, 0.0, level=int(node.tag[1:]), spans=text.spans)

    def _paragraph(self, node: SyntaxTreeNode, *, quoted: bool) -> Iterator[Block]:
        """Give a paragraph, or the notes that are written one below the other as one."""
        source = node.children[0].content
        starts = [*_NOTE.finditer(source)]
        text = inline(parse_inline(source[: starts[0].start()]), self._notes) if starts else self._text(node)
        if text.text:
            yield Paragraph(text.text, self._box, spans=text.spans, quoted=quoted)
        ends = [found.start() for found in starts[1:]]
        for found, end in zip_longest(starts, ends[: len(starts)]):
            note = inline(parse_inline(source[found.end() : end]), self._notes)
            yield Footnote(found["label"], note.text, self._box, spans=note.spans)

    def _list(self, node: SyntaxTreeNode) -> Iterator[Block]:
        """Give a list, parted where an item holds what is no text."""
        ordered = node.type == "ordered_list"
        items: list[ListItem] = []
        for part in self._items(node, 0):
            if isinstance(part, ListItem):
                items.append(part)
                continue
            if items:
                yield ListBlock(tuple(items), self._box, ordered)
            items = []
            yield part
        if items:
            yield ListBlock(tuple(items), self._box, ordered)

    def _items(self, node: SyntaxTreeNode, depth: int) -> Iterator[ListItem | Block]:
        start = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children, start):
            mark = f"{number}{item.markup}" if node.type == "ordered_list" else _BULLET
            leading = _leading_paragraphs(item)
            yield from self._item([self._text(child) for child in leading], depth, mark)
            for child in item.children[len(leading) :]:
                if child.type in {"bullet_list", "ordered_list"}:
                    yield from self._items(child, depth + 1)
                else:
                    yield from self._block(child)

    def _item(self, texts: list[Inline], depth: int, mark: str) -> Iterator[ListItem]:
        text = together([text for text in texts if text.text])
        task = _TASK.match(text.text) if mark == _BULLET else None
        if task:
            mark, at = "☐" if task["done"] == " " else "☑", task.end()
            spans = [Span(max(0, one.start - at), one.end - at, one.kind, one.target) for one in text.spans]
            text = Inline(text.text[at:], tuple(span for span in spans if span.end > 0))
        if text.text:
            yield ListItem(text.text, self._box, depth, mark, text.spans)

    def _table(self, node: SyntaxTreeNode) -> Table:
        rows = [row.children for part in node.children for row in part.children]
        texts = [[self._text(cell, line_break="\n") for cell in row] for row in rows]
        cells = [
            Cell(row, column, spans=text.spans)
            for row, line in enumerate(texts)
            for column, text in enumerate(line)
            if text.spans
        ]
        return Table(tuple(tuple(text.text for text in line) for line in texts), self._box, tuple(cells))

    def _code(self, node: SyntaxTreeNode) -> CodeBlock:
        language = _LANGUAGE.match(node.info.strip()) if node.type == "fence" else None
        return CodeBlock(node.content.rstrip("\n"), self._box, language[0] if language else None)

    def _text(self, node: SyntaxTreeNode, *, line_break: str = " ") -> Inline:
        return inline(_tokens_within(node.children), self._notes, line_break=line_break)


def _leading_paragraphs(item: SyntaxTreeNode) -> list[SyntaxTreeNode]:
    found: list[SyntaxTreeNode] = []
    for child in item.children:
        if child.type != "paragraph":
            break
        found.append(child)
    return found


def _tokens_within(nodes: Iterable[SyntaxTreeNode]) -> list[Token]:
    """Give the tokens within the inline nodes of a block."""
    return [token for node in nodes if node.token for token in node.token.children or []]
