"""Lines of one column to headings, paragraphs, lists and code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from llamaparse_worker.layout.headings import (
    COLONS,
    SLANTED,
    is_centred,
    is_large,
    is_sentence,
    numbering,
    prominence,
    run_in,
)
from llamaparse_worker.layout.inline import PLAIN, SWITCHES, Inline, closed_up, inline
from llamaparse_worker.layout.joining import joined
from llamaparse_worker.layout.lines import TextLine, carried, usual_pitch
from llamaparse_worker.layout.marks import SURE_BULLETS, is_bullet, marked
from llamaparse_worker.layout.notes import note_start
from llamaparse_worker.layout.reading_order import Flow
from llamaparse_worker.layout.segments import Style
from llamaparse_worker.model.blocks import Block, CodeBlock, Footnote, Heading, ListBlock, ListItem, Paragraph, SpanKind
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.value import quick, unguarded

_SENTENCE_END = (".", "!", "?", ":", "…", "。")

_RICH = attrgetter("rich")
_WIDER_PITCH = 1.3
_HEADING_PITCH_EM = 1.5
_TITLE = 1.4
"""Lines that are this much larger than the text are those of one title; below, each may be a name."""
_SIZE_STEP = 1.12
_INDENT_EM = 0.8
_SHORT_LINE = 0.75
_HEADING_LINES = 3
_HEADING_CHARACTERS = 200
_BOLD_HEADING_CHARACTERS = 100
_FIXED_PITCH_EM = 0.6
_CODE_GAP_EM = 3.0
_CODE_LINE_EM = 1.8


@quick
@dataclass(slots=True)
class _Group:
    """Lines that belong together; ``mark`` is the bullet or number of a list item."""

    lines: list[TextLine]
    mark: str = ""
    text: str = ""
    """The first line without its mark, with switches."""
    note: str = ""
    """The label of a footnote."""

    @property
    def is_rich(self) -> bool:
        """Whether anything of it is not plain."""
        return any(map(_RICH, self.lines))

    def rich(self) -> str:
        """Give the text with its switches, and without its mark."""
        first, *more = self.lines
        return joined([self.text or first.rich or first.text, *[line.rich or line.text for line in more]])


@quick
@dataclass(frozen=True, slots=True)
class _Column:
    """What is usual among the lines of a column: their distance and their edges."""

    pitch: float
    left: float
    right: float


@unguarded
@dataclass(frozen=True, slots=True)
class _Placed:
    """A line in its column: how it stands out, and what follows it."""

    line: TextLine
    following: TextLine | None
    weight: int
    is_large: bool


def blocks(flow: Flow, style: Style) -> list[Block]:
    """Give the blocks of one column from top to bottom."""
    lines = flow.lines
    if not lines:
        return []
    left, right = min([line.x0 for line in lines]), max([line.x1 for line in lines])
    column = _Column(usual_pitch(lines), min(left, flow.left), max(right, flow.right))
    found: list[Block] = []
    items: list[_Group] = []
    for group in _groups(lines, style, column):
        if group.mark:
            items.append(group)
            continue
        found.extend(_list(items, style))
        items = []
        found.extend(_block(group, style, column))
    found.extend(_list(items, style))
    return _without_names(found, style)


def _without_names(found: Sequence[Block], style: Style) -> list[Block]:
    """Take what follows upon its like for the names below a title: headings of one kind have text between them."""
    plain = [
        isinstance(block, Heading) and not block.prominence and block.size < _TITLE * style.size for block in found
    ]
    if not any(plain):  # as in most columns
        return list(found)
    made: list[Block] = []
    for index, block in enumerate(found):
        beside = [at for at in (index - 1, index + 1) if 0 <= at < len(found) and plain[at]]
        if plain[index] and isinstance(block, Heading) and any(_alike(block, found[at]) for at in beside):
            made.append(Paragraph(block.text, block.box, block.lines, block.spans))
        else:
            made.append(block)
    return made


def _alike(heading: Heading, other: Block) -> bool:
    return isinstance(other, Heading) and abs(heading.size - other.size) < 1


def _groups(lines: Sequence[TextLine], style: Style, column: _Column) -> list[_Group]:
    groups: list[_Group] = []
    before: _Placed | None = None
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        weight = prominence(line, style, column.left, column.right)
        here = _Placed(line, following, weight, is_large(line, style))
        label, text = note_start(line, style) if line.rich else ("", "")
        if label:
            groups.append(_Group([line], text=text, note=label))
        else:
            apart = before is None or _parts(groups[-1], before, here, style, column)
            mark, text = _mark(here, groups, apart=apart)
            if mark or apart:
                groups.append(_Group([line], mark, text))
            else:
                groups[-1].lines.append(line)
        before = here
    return groups


def _parts(group: _Group, last: _Placed, here: _Placed, style: Style, column: _Column) -> bool:
    """Tell whether a line begins something new, behind the last one of a group."""
    before, line = last.line, here.line
    step = (line.y0 + line.y1) / 2 - (before.y0 + before.y1) / 2
    if before.monospaced and line.monospaced and not here.is_large and not last.is_large:
        return not 0 <= step <= _CODE_GAP_EM * line.size
    if _looks_different(before, line) or last.weight != here.weight:
        return True
    if here.weight or here.is_large:
        close = 0 <= step <= _HEADING_PITCH_EM * line.size
        names = not here.weight and line.size < _TITLE * style.size and _are_centred(before, line, column)
        return not close or names or bool(numbering(line.text))
    if step > max(_WIDER_PITCH * column.pitch, before.size) or step < 0:
        return True
    if group.mark:
        return line.x0 < group.lines[0].x0 + _INDENT_EM / 2 * line.size
    if _is_indented(before, here):
        return True
    short = before.x1 < column.left + _SHORT_LINE * (column.right - column.left)
    if short and _are_centred(before, line, column):
        return True
    return short and before.text.endswith(_SENTENCE_END) and not line.text[:1].islower()


def _are_centred(before: TextLine, line: TextLine, column: _Column) -> bool:
    return is_centred(before, column.left, column.right) and is_centred(line, column.left, column.right)


def _weight(line: TextLine, style: Style, column: _Column) -> int:
    return prominence(line, style, column.left, column.right)


def _looks_different(before: TextLine, line: TextLine) -> bool:
    return (
        before.size > _SIZE_STEP * line.size
        or line.size > _SIZE_STEP * before.size
        or before.bold != line.bold
        or before.monospaced != line.monospaced
    )


def _is_indented(before: TextLine, here: _Placed) -> bool:
    """Tell whether a line is the indented first line of a paragraph."""
    line, following = here.line, here.following
    step = _INDENT_EM * line.size
    if not step <= line.x0 - before.x0 <= 5 * step:
        return False
    return following is None or following.x0 < line.x0 - step / 2


def _mark(here: _Placed, groups: Sequence[_Group], *, apart: bool) -> tuple[str, str]:
    """Part the mark of a list item from its text; a dash or number within running text is no mark."""
    line, following = here.line, here.following
    found = None if line.monospaced else marked(line.text)
    if found is None or (line.rich and run_in(line.rich)):
        return "", ""
    if (here.is_large or here.weight) and found["mark"] not in SURE_BULLETS:
        return "", ""
    expected = apart or bool(groups[-1].mark) or groups[-1].lines[-1].text.endswith(":")
    if found["mark"] in SURE_BULLETS or expected or (following is not None and marked(following.text)):
        return found["mark"], _unmarked(line, found["text"])
    return "", ""


def _unmarked(line: TextLine, text: str) -> str:
    """Give the text behind the mark with its switches."""
    if not line.rich:
        return text
    behind = len(line.text) - len(text)
    at, look = 0, PLAIN
    while behind:
        if line.rich[at] in SWITCHES:
            look = line.rich[at]
        else:
            behind -= 1
        at += 1
    return look + line.rich[at:]


def _block(group: _Group, style: Style, column: _Column) -> list[Block]:
    lines = group.lines
    box = enclosing(lines)
    if lines[0].monospaced and all(line.monospaced for line in lines) and not is_large(lines[0], style):
        return [CodeBlock(code_text(lines), box)]
    held = carried(lines)
    rich, is_rich = group.rich(), group.is_rich
    parted = run_in(rich) if is_rich else None
    if parted is not None and not group.note:
        title, rest = (inline(closed_up(part), style.look) for part in parted)
        text = Paragraph(rest.text, box, held, rest.spans)
        return [heading(Inline(title.text), lines[:1], prominence=SLANTED), text]
    found = inline(closed_up(rich), style.look) if is_rich else Inline(rich)
    if group.note:
        return [Footnote(group.note, found.text, box, held, found.spans)]
    if _is_heading(found.text, lines, style, column):
        return [heading(found, lines, prominence=_weight(lines[0], style, column))]
    return [Paragraph(found.text, box, held, found.spans)]


def heading(text: Inline, lines: Sequence[TextLine], *, level: int = 0, prominence: int = 0) -> Heading:
    """Make a heading; that all of it is bold or in italics is no news."""
    kept = tuple(
        span
        for span in text.spans
        if span.kind is SpanKind.CODE or (span.kind is SpanKind.EMPHASIS and span.end - span.start < len(text.text))
    )
    return Heading(text.text, enclosing(lines), lines[0].size, level, carried(lines), kept, prominence)


def _is_heading(text: str, lines: Sequence[TextLine], style: Style, column: _Column) -> bool:
    if len(lines) > _HEADING_LINES or len(text) > _HEADING_CHARACTERS or not any(map(str.isalpha, text)):
        return False
    if is_large(lines[0], style):
        return True
    outstanding = _weight(lines[0], style, column) > 0
    return outstanding and len(text) <= _BOLD_HEADING_CHARACTERS and not (is_sentence(text) or text.endswith(COLONS))


def code_text(lines: Sequence[TextLine]) -> str:
    """Give lines of fixed pitch as they stand: breaks, empty lines and indentation."""
    left = min(line.x0 for line in lines)
    made: list[str] = []
    for before, line in pairwise([lines[0], *lines]):
        if line.middle - before.middle > _CODE_LINE_EM * line.size:
            made.append("")
        made.append(" " * round((line.x0 - left) / (_FIXED_PITCH_EM * line.size)) + line.text)
    return "\n".join(made)


def _list(items: Sequence[_Group], style: Style) -> list[Block]:
    """Make one list of consecutive items; what is further right is deeper."""
    if not items:
        return []
    places = _steps([item.lines[0].x0 for item in items], items[0].lines[0].size)
    texts = [inline(closed_up(item.rich()), style.look) if item.is_rich else Inline(item.rich()) for item in items]
    made = tuple(
        ListItem(
            found.text,
            _box(item),
            depth=sum(place < item.lines[0].x0 - 0.5 * item.lines[0].size for place in places),
            mark=item.mark,
            spans=found.spans,
        )
        for item, found in zip(items, texts, strict=True)
    )
    ordered = not is_bullet(items[0].mark)
    return [ListBlock(made, enclosing(item.box for item in made), ordered=ordered)]


def _box(item: _Group) -> Box:
    return enclosing(item.lines)


def _steps(places: Sequence[float], size: float) -> list[float]:
    """Give the distinct left edges among items."""
    steps: list[float] = []
    for place in sorted(places):
        if not steps or place - steps[-1] > size / 2:
            steps.append(place)
    return steps
