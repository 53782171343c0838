"""The document's own outline as evidence for headings and their levels.

An entry whose title stands on the page that it leads to names a heading there. Its depth is how deep the heading is
among those of the outline; titles that the outline leaves out, such as that of the whole document, take their level
from how they look beside the others. Entries that match nothing change nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from llamaparse_worker.layout.codes import alphanumeric
from llamaparse_worker.layout.headings import (
    DEEPEST_LEVEL,
    HeadingLevels,
    HeadingSign,
    HeadingStyle,
    spans_of_heading,
    style_of,
)
from llamaparse_worker.model.blocks import Block, CodeBlock, Heading, ListBlock, Paragraph, Span, SpanKind
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.page import Bookmark
from llamaparse_worker.model.value import changed, quick

_NUMBER = re.compile(r"(?:\d+(?:\.\d+)*|[ivxl]+|[a-z])[.)]?\s+")
_LONGEST = 300


@quick
@dataclass(frozen=True, slots=True)
class _Place:
    """A block that may be a heading, by its place among all of them."""

    index: int
    is_heading: bool
    top: float
    at_edge: bool

    def is_led_to(self, bookmark: Bookmark, size: float) -> bool:
        """Tell whether an entry that names it may mean it: at the edges only a heading, or what it leads right to."""
        right_there = bookmark.top is not None and abs(self.top - bookmark.top) <= size
        return self.is_heading or not self.at_edge or right_there


def with_bookmarks(
    blocks: Sequence[Block], bookmarks: Iterable[Bookmark], size: float, *, in_text: int
) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Mark or make headings of what the entries that lead to the page name; gives text and edges.

    ``size`` is that of running text. Blocks from ``in_text`` on stand at the edges of the page: no headings are made of
    them, as a running head may name the section too, but where the outline leads right there.
    """
    made: list[Sequence[Block]] = [(block,) for block in blocks]
    places: dict[str, list[_Place]] = defaultdict(list)
    for index, block in enumerate(blocks):
        key = _key(_title_text(block))
        if key and not key.isdigit():
            places[key].append(_Place(index, isinstance(block, Heading), block.box.y0, index >= in_text))
    missing: dict[str, int] = {}
    for bookmark in bookmarks:
        key = _key(bookmark.title)
        found = [place for place in places.get(key, ()) if place.is_led_to(bookmark, size)]
        if not found:
            missing[key] = bookmark.depth
            continue
        best = min(found, key=lambda place: (not place.is_heading, _distance(place, bookmark), place.index))
        places[key].remove(best)
        made[best.index] = (_outlined(blocks[best.index], bookmark.depth, size),)
    if missing:
        made[:in_text] = [_without_titles(block, missing, size) for (block,) in made[:in_text]]
    return tuple(chain.from_iterable(made[:in_text])), tuple(chain.from_iterable(made[in_text:]))


def _without_titles(block: Block, titles: dict[str, int], size: float) -> Sequence[Block]:
    """Part a block at the headings that were taken for a part of it."""
    match block:
        case ListBlock():
            return _items_without_titles(block, titles, size)
        case CodeBlock():
            return _code_without_titles(block, titles, size)
        case _:
            return (block,)


def _items_without_titles(block: ListBlock, titles: dict[str, int], size: float) -> list[Block]:
    """Part a list at headings that begin with a number or a mark, as items do."""
    made: list[Block] = []
    for is_item, group in groupby(block.items, lambda item: _key(item.printed) not in titles):
        items = tuple(group)
        if is_item:
            made.append(changed(block, items=items, box=enclosing(item.box for item in items)))
            continue
        for item in items:
            depth = titles[_key(item.printed)]
            shift = len(item.printed) - len(item.text)
            spans = tuple(changed(span, start=span.start + shift, end=span.end + shift) for span in item.spans)
            spans = spans_of_heading(item.printed, spans)
            made.append(Heading(item.printed, item.box, size, spans=spans, outline=depth))
    return made


def _code_without_titles(block: CodeBlock, titles: dict[str, int], size: float) -> list[Block]:
    """Part a listing at headings that name code alone."""
    lines = block.text.split("\n")
    pitch = block.box.height / len(lines)
    made: list[Block] = []
    begin = 0
    for at, line in enumerate(lines):
        depth = titles.get(_key(line)) if not at or begin == at or not lines[at - 1] else None
        if depth is not None:
            made.extend(_listing(block, lines, begin, at, pitch))
            made.append(_of_code(line, _rows_of(block.box, at, at + 1, pitch), depth, size))
            begin = at + 1
    made.extend(_listing(block, lines, begin, len(lines), pitch))
    return made


def _listing(block: CodeBlock, lines: Sequence[str], begin: int, end: int, pitch: float) -> list[Block]:
    """Give some lines of a listing, but for empty ones around them; nothing if there are no others."""
    while begin < end and not lines[begin]:
        begin += 1
    while begin < end and not lines[end - 1]:
        end -= 1
    if begin == end:
        return []
    return [replace(block, text="\n".join(lines[begin:end]), box=_rows_of(block.box, begin, end, pitch))]


def _rows_of(box: Box, begin: int, end: int, pitch: float) -> Box:
    return Box(box.x0, round(box.y0 + begin * pitch, 2), box.x1, round(box.y0 + end * pitch, 2))


def _distance(place: _Place, bookmark: Bookmark) -> float:
    return 0.0 if bookmark.top is None else abs(place.top - bookmark.top)


def _title_text(block: Block) -> str:
    """Give the text of a block that may be a heading; of code, as its types have no bold letters, a line alone."""
    if isinstance(block, CodeBlock) and "\n" in block.text:
        return ""
    return block.text if isinstance(block, Heading | Paragraph | CodeBlock) and len(block.text) <= _LONGEST else ""


def _key(text: str) -> str:
    """Give what titles are compared by: letters and digits in one case, without a number before them."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    folded = folded.strip()
    number = _NUMBER.search(folded)
    rest = "" if number is None else alphanumeric(folded[: number.start()] + folded[number.end() :])
    return rest or alphanumeric(folded)


def _outlined(block: Block, depth: int, size: float) -> Block:
    match block:
        case Heading():
            return changed(block, outline=depth)
        case Paragraph():
            spans = spans_of_heading(block.text, block.spans)
            return Heading(block.text, block.box, size, lines=block.lines, spans=spans, outline=depth)
        case CodeBlock():
            return _of_code(block.text, block.box, depth, size)
        case _:
            return block


def _of_code(text: str, box: Box, depth: int, size: float) -> Heading:
    title = text.strip()
    return Heading(title, box, size, spans=(Span(0, len(title), SpanKind.CODE),), outline=depth)


@dataclass(frozen=True, slots=True)
class LevelScheme:
    """The levels of a document's headings: by how they look, and how much deeper they are than in the outline."""

    of_styles: HeadingLevels
    shift: int = 0

    def level(self, sign: HeadingSign) -> int | None:
        """Give the level of a heading; None for what is none."""
        if sign.outline:
            return min(sign.outline + self.shift, DEEPEST_LEVEL)
        return self.of_styles.get(style_of(sign))


def level_scheme(levels: HeadingLevels, signs: Iterable[HeadingSign]) -> LevelScheme:
    """Fit the levels that looks tell to those of the outline: in order of rank, what it leaves out is one deeper."""
    depths: dict[HeadingStyle, Counter[int]] = defaultdict(Counter)
    for sign in signs:
        if sign.outline and style_of(sign) in levels:
            depths[style_of(sign)][sign.outline] += 1
    if not depths:
        return LevelScheme(levels)
    usual = {style: counts.most_common(1)[0][0] for style, counts in depths.items()}
    highest = min(levels[style] for style in usual)
    shift = len({level for style, level in levels.items() if level < highest})
    made: dict[HeadingStyle, int] = {}
    deepest = 0
    for rank in sorted(set(levels.values())):
        alike = [style for style, level in levels.items() if level == rank]
        known = [usual[style] + shift for style in alike if style in usual]
        other = min(known, default=deepest + 1)
        made.update((style, min(usual[style] + shift if style in usual else other, DEEPEST_LEVEL)) for style in alike)
        deepest = max(made[style] for style in alike)
    return LevelScheme(made, shift)
