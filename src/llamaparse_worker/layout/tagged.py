"""The blocks of a tagged page: its own structure, filled with the text that stands on the page.

The structure gives reading order, headings with levels, lists, tables and quotations; lines and looks come from the
page. What the structure leaves open, runs outside of any block of text, is laid out by sight.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llamaparse_worker.layout.blocks import heading
from llamaparse_worker.layout.elements import is_informative
from llamaparse_worker.layout.inline import Inline, closed_up, inline
from llamaparse_worker.layout.joining import joined
from llamaparse_worker.layout.lines import TextLine, join
from llamaparse_worker.layout.marks import is_bullet
from llamaparse_worker.layout.programs import code_text
from llamaparse_worker.layout.segments import Segment, Style
from llamaparse_worker.layout.tagged_tables import TaggedCell, table_of
from llamaparse_worker.model.blocks import Block, CodeBlock, ListBlock, ListItem, Paragraph
from llamaparse_worker.model.characters import Element
from llamaparse_worker.model.geometry import Box, enclosing

BySight = Callable[[Sequence[Segment]], Sequence[Block]]

_LEAST_TAGGED = 0.6
_SAME_LINE = 0.5
_LEVELS = {"Title": 1, "H1": 1, "H2": 2, "H3": 3, "H4": 4, "H5": 5, "H6": 6}
_ROWS = frozenset({"THead", "TBody", "TFoot"})
_CELLS = frozenset({"TD", "TH"})


def is_usable(found: Sequence[Segment], table: Sequence[Element]) -> bool:
    """Tell whether the structure covers the page and says something about it."""
    every = sum(len(segment.text) for segment in found)
    tagged = sum(len(segment.text) for segment in found if segment.owner >= 0)
    return is_informative(table) and tagged >= _LEAST_TAGGED * every


def tagged_blocks(found: Sequence[Segment], table: Sequence[Element], style: Style, by_sight: BySight) -> list[Block]:
    """Give the blocks of the structure in its order; segments without an owner are left out."""
    owned: dict[int, list[Segment]] = defaultdict(list)
    for segment in found:
        owned[segment.owner].append(segment)
    children: dict[int, list[int]] = defaultdict(list)
    for index, element in enumerate(table):
        children[element.parent].append(index)
    page = _Page(table, owned, children, style, by_sight)
    return page.blocks(children[-1])


@dataclass(frozen=True, slots=True)
class _Page:
    table: Sequence[Element]
    owned: dict[int, list[Segment]]
    children: dict[int, list[int]]
    style: Style
    by_sight: BySight

    def blocks(self, indices: Sequence[int]) -> list[Block]:
        """Give the blocks of some elements; neighbours that the structure says nothing of are looked at together."""
        made: list[Block] = []
        open_text: list[Segment] = []
        for index in indices:
            if self._is_open(index):
                open_text.extend(self._all_text(index))
                continue
            if open_text:
                made.extend(self.by_sight(open_text))
                open_text = []
            made.extend(self._element(index))
        if open_text:
            made.extend(self.by_sight(open_text))
        return made

    def _is_open(self, index: int) -> bool:
        """Tell whether all below an element are runs and groups of runs."""
        role = self.table[index].role
        return role in {"NonStruct", "Span", "Div"} and all(map(self._is_open, self.children[index]))

    def _all_text(self, index: int) -> list[Segment]:
        text = list(self.owned[index])
        for child in self.children[index]:
            text.extend(self._all_text(child))
        return text

    def _element(self, index: int) -> list[Block]:
        role = self.table[index].role
        if role in _LEVELS:
            return self._heading(index, _LEVELS[role]) + self._below(index)
        if role == "L":
            items = self._items(index, 0)
            return [_list(items)] if items else []
        if role == "Table":
            return self._table(index)
        if role == "BlockQuote":
            return [
                replace(block, quoted=True) if isinstance(block, Paragraph) else block for block in self._mixed(index)
            ]
        if role == "Code":
            return self._code(index)
        return self._mixed(index)

    def _mixed(self, index: int) -> list[Block]:
        """Give an element's own text as a paragraph, then what is below it."""
        return [*self._paragraph(index), *self._below(index)]

    def _below(self, index: int) -> list[Block]:
        """Give the blocks below an element, runs of its own text aside."""
        return self.blocks([child for child in self.children[index] if self._holds_text(child)])

    def _holds_text(self, index: int) -> bool:
        return bool(self.owned[index]) or any(map(self._holds_text, self.children[index]))

    def _heading(self, index: int, level: int) -> list[Block]:
        lines = lines_of(self.owned[index])
        if not lines:
            return []
        return [heading(_inline(lines, self.style), lines, level=level)]

    def _paragraph(self, index: int) -> list[Block]:
        lines = lines_of(self.owned[index])
        if not lines:
            return []
        text = _inline(lines, self.style)
        return [Paragraph(text.text, _box(lines), tuple(line.line for line in lines), text.spans)]

    def _code(self, index: int) -> list[Block]:
        lines = lines_of(self._all_text(index))
        return [CodeBlock(code_text(lines), _box(lines))] if lines else []

    def _items(self, index: int, depth: int) -> list[ListItem]:
        items: list[ListItem] = []
        for child in self.children[index]:
            role = self.table[child].role
            if role == "L":
                items.extend(self._items(child, depth + 1))
            elif role in {"LI", "NonStruct", "Div", "Span"}:
                items.extend(self._item(child, depth))
        return items

    def _item(self, index: int, depth: int) -> list[ListItem]:
        mark = " ".join(segment.text for label in self._labels(index) for segment in self.owned[label])
        own, deeper = self._item_text(index, depth)
        lines = lines_of(own)
        if not lines:
            return deeper
        text = _inline(lines, self.style)
        return [ListItem(text.text, _box(lines), depth, mark or "•", text.spans), *deeper]

    def _labels(self, index: int) -> list[int]:
        return [child for child in self.children[index] if self.table[child].role == "Lbl"]

    def _item_text(self, index: int, depth: int) -> tuple[list[Segment], list[ListItem]]:
        """Give the text of an item, and the items of lists within it."""
        text = list(self.owned[index])
        deeper: list[ListItem] = []
        for child in self.children[index]:
            role = self.table[child].role
            if role == "Lbl":
                continue
            if role == "L":
                deeper.extend(self._items(child, depth + 1))
                continue
            own, items = self._item_text(child, depth)
            text.extend(own)
            deeper.extend(items)
        return text, deeper

    def _table(self, index: int) -> list[Block]:
        rows = [self._row(row) for row in self._row_elements(index)]
        box = enclosing(segment_box(segment) for segment in self._all_text(index))
        made = table_of([row for row in rows if row], box)
        return [made] if made.rows else []

    def _row_elements(self, index: int) -> list[int]:
        found: list[int] = []
        for child in self.children[index]:
            if self.table[child].role == "TR":
                found.append(child)
            elif self.table[child].role in _ROWS:
                found.extend(self._row_elements(child))
        return found

    def _row(self, index: int) -> list[TaggedCell]:
        return [self._cell(child) for child in self.children[index] if self.table[child].role in _CELLS]

    def _cell(self, index: int) -> TaggedCell:
        element = self.table[index]
        lines = lines_of(self._all_text(index))
        return TaggedCell(
            _inline(lines, self.style) if lines else Inline(""),
            _box(lines) if lines else None,
            is_header=element.role == "TH",
            row_span=element.row_span,
            column_span=element.column_span,
        )


def lines_of(found: Sequence[Segment]) -> list[TextLine]:
    """Gather the segments of one block, which come in its order, to lines."""
    groups: list[list[Segment]] = []
    for segment in found:
        if groups:
            before = groups[-1][-1]
            shared = min(before.y1, segment.y1) - max(before.y0, segment.y0)
            if shared > _SAME_LINE * min(before.y1 - before.y0, segment.y1 - segment.y0):
                groups[-1].append(segment)
                continue
        groups.append([segment])
    return [join(sorted(group, key=lambda segment: segment.x0)) for group in groups]


def segment_box(segment: Segment) -> Box:
    """Give the box of a segment."""
    return Box(segment.x0, segment.y0, segment.x1, segment.y1)


def _inline(lines: Sequence[TextLine], style: Style) -> Inline:
    return inline(closed_up(joined([line.rich or line.text for line in lines])), style.look)


def _box(lines: Sequence[TextLine]) -> Box:
    return enclosing(line.box for line in lines)


def _list(items: Sequence[ListItem]) -> ListBlock:
    return ListBlock(tuple(items), enclosing(item.box for item in items), ordered=not is_bullet(items[0].mark))
