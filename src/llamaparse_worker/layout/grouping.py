"""Lines of one column to groups, each of which becomes one block or one item of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from operator import attrgetter

from llamaparse_worker.layout.contents import is_entry, shortened
from llamaparse_worker.layout.headings import is_centred, is_large, numbering, prominence, run_in
from llamaparse_worker.layout.inline import has_text_beside_code, without_start
from llamaparse_worker.layout.joining import joined
from llamaparse_worker.layout.lines import TextLine, usual_pitch
from llamaparse_worker.layout.marks import SURE_BULLETS, marked
from llamaparse_worker.layout.notes import note_start
from llamaparse_worker.layout.reading_order import Flow
from llamaparse_worker.layout.segments import Style
from llamaparse_worker.model.value import changed, quick, unguarded

TITLE = 1.4
"""Lines that are this much larger than the text are those of one title; below, each may be a name."""

_SENTENCE_END = (".", "!", "?", ":", "…", "。")
_RICH = attrgetter("rich")
_WIDER_PITCH, _LOOSER_PITCH = 1.3, 1.15
"""Times the usual pitch: between paragraphs in any case, and behind a line that ends early or with a sentence."""
_CLOSE_EM = 1.5
_SIZE_STEP = 1.12
_INDENT_EM = 0.8
_SHORT_LINE = 0.75
_CODE_GAP_EM = 3.0
_MOST_LINES_OF_ENTRY = 3


class Kind(Enum):
    """What a group becomes."""

    TEXT = auto()
    ITEM = auto()
    ENTRY = auto()


@quick
@dataclass(slots=True)
class Group:
    """Lines that belong together; ``mark`` is the bullet or number of a list item."""

    lines: list[TextLine]
    mark: str = ""
    text: str = ""
    """The first line without its mark, with switches."""
    note: str = ""
    """The label of a footnote."""
    is_entry: bool = False
    """Whether it is one of a table of contents."""

    @property
    def kind(self) -> Kind:
        """What its neighbours must be to belong with it."""
        return Kind.ENTRY if self.is_entry else Kind.ITEM if self.mark else Kind.TEXT

    @property
    def is_rich(self) -> bool:
        """Whether anything of it is not plain."""
        return any(map(_RICH, self.lines))

    def rich(self) -> str:
        """Give the text with its switches, and without its mark."""
        texts = [line.rich or line.text for line in self.lines]
        if self.text:
            texts[0] = self.text
        return joined(texts)


@quick
@dataclass(frozen=True, slots=True)
class Column:
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


def column_of(flow: Flow) -> Column:
    """Measure a column that has a line at least."""
    lines = flow.lines
    left, right = min([line.x0 for line in lines]), max([line.x1 for line in lines])
    return Column(usual_pitch(lines), min(left, flow.left), max(right, flow.right))


def groups_of(lines: Sequence[TextLine], style: Style, column: Column) -> list[Group]:
    """Part the lines of a column, from top to bottom."""
    groups: list[Group] = []
    before: _Placed | None = None
    for found, following in zip(lines, [*lines[1:], None], strict=True):
        in_text = found.monospaced and before is not None and _goes_on(before.line, found, column)
        line = changed(found, monospaced=False) if in_text else found
        weight = weight_of(line, style, column)
        if weight and before is not None and _goes_on_prominently(before, line, column):
            weight, line = 0, changed(line, bold=before.line.bold)
        here = _Placed(line, following, weight, is_large(line, style))
        label, text = note_start(line, style) if line.rich else ("", "")
        if is_entry(line.text):
            begun = bool(groups) and before is not None and _begins_entry(groups[-1], before, here)
            lines_of = groups.pop().lines if begun else []
            groups.append(Group([*lines_of, _without_row(line)], is_entry=True))
        elif label:
            groups.append(Group([line], text=text, note=label))
        else:
            apart = before is None or groups[-1].is_entry or _parts(groups[-1], before, here, style, column)
            mark, text = _mark(here, groups, apart=apart)
            if mark or apart:
                groups.append(Group([line], mark, text))
            else:
                groups[-1].lines.append(line)
        before = here
    return groups


def _begins_entry(group: Group, last: _Placed, here: _Placed) -> bool:
    """Tell whether a line is the first one of an entry that goes on in the next: in that one its title is indented."""
    before, line = last.line, here.line
    is_text = group.kind is Kind.TEXT and len(group.lines) < _MOST_LINES_OF_ENTRY and not group.note
    alike = not (last.weight or last.is_large or _looks_different(before, line))
    hangs = line.x0 - group.lines[0].x0 > _INDENT_EM / 2 * line.size
    return is_text and alike and hangs and 0 < line.middle - before.middle <= _CLOSE_EM * line.size


def _without_row(line: TextLine) -> TextLine:
    return changed(line, text=shortened(line.text), rich=line.rich and shortened(line.rich))


def _goes_on(before: TextLine, line: TextLine, column: Column) -> bool:
    """Tell whether a line of code letters is one of a paragraph, as a long name may fill a line of it.

    A full line of text leads up to it at the pitch of the text; and the text has no stop there, or goes on in the line.
    """
    if before.monospaced or not _is_full(before, column):
        return False
    close = 0 < line.middle - before.middle <= min(_WIDER_PITCH * column.pitch, _CLOSE_EM * before.size)
    flush = line.x0 <= before.x0 + _INDENT_EM / 2 * line.size
    return close and flush and (not before.text.endswith(_SENTENCE_END) or has_text_beside_code(line.rich))


def _goes_on_prominently(before: _Placed, line: TextLine, column: Column) -> bool:
    """Tell whether a line in bold is one of a paragraph: the text before it has no stop and fills its line."""
    last = before.line
    if before.weight or before.is_large or last.monospaced or last.text.endswith(_SENTENCE_END):
        return False
    close = 0 < line.middle - last.middle <= _LOOSER_PITCH * column.pitch
    alike = last.size < _SIZE_STEP * line.size and line.size < _SIZE_STEP * last.size
    return _fills(last, column) and close and alike and not numbering(line.text)


def _fills(line: TextLine, column: Column) -> bool:
    """Tell whether a line ends at the right edge of its column."""
    return line.x1 >= column.right - _INDENT_EM * line.size


def _is_full(line: TextLine, column: Column) -> bool:
    return line.x1 >= column.left + _SHORT_LINE * (column.right - column.left)


def _parts(group: Group, last: _Placed, here: _Placed, style: Style, column: Column) -> bool:
    """Tell whether a line begins something new, behind the last one of a group."""
    before, line = last.line, here.line
    step = (line.y0 + line.y1) / 2 - (before.y0 + before.y1) / 2
    if before.monospaced and line.monospaced and not here.is_large and not last.is_large:
        return not 0 <= step <= _CODE_GAP_EM * line.size
    if _looks_different(before, line) or last.weight != here.weight:
        return True
    if here.weight or here.is_large:
        close = 0 <= step <= _CLOSE_EM * line.size
        names = not here.weight and line.size < TITLE * style.size and _are_centred(before, line, column)
        return not close or names or bool(numbering(line.text))
    if step > max(_WIDER_PITCH * column.pitch, before.size) or step < 0:
        return True
    if group.mark:
        return line.x0 < group.lines[0].x0 + _INDENT_EM / 2 * line.size
    stopped = before.text.endswith(_SENTENCE_END) or not _fills(before, column)
    indented = stopped and not group.note and _is_indented(before, here)  # the label of a note stands out to the left
    return indented or _ends_paragraph(before, line, step, column)


def _ends_paragraph(before: TextLine, line: TextLine, step: float, column: Column) -> bool:
    """Tell whether a line that is followed by another a ``step`` below is the last one of its paragraph."""
    short, ends = not _is_full(before, column), before.text.endswith(_SENTENCE_END)
    if step > _LOOSER_PITCH * column.pitch and (short or ends):
        return True
    return short and (_are_centred(before, line, column) or (ends and not line.text[:1].islower()))


def _are_centred(before: TextLine, line: TextLine, column: Column) -> bool:
    return is_centred(before, column.left, column.right) and is_centred(line, column.left, column.right)


def weight_of(line: TextLine, style: Style, column: Column) -> int:
    """Tell how a line stands out beside its size; 0 for one that does not."""
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


def _mark(here: _Placed, groups: Sequence[Group], *, apart: bool) -> tuple[str, str]:
    """Part the mark of a list item from its text; a dash or number within running text is no mark."""
    line, following = here.line, here.following
    is_code = line.monospaced and line.text[:1] not in SURE_BULLETS
    found = None if is_code else marked(line.text)
    if found is None or (line.rich and run_in(line.rich)):
        return "", ""
    if (here.is_large or here.weight) and found["mark"] not in SURE_BULLETS:
        return "", ""
    expected = apart or bool(groups[-1].mark) or groups[-1].lines[-1].text.endswith(":")
    if found["mark"] in SURE_BULLETS or expected or (following is not None and marked(following.text)):
        return found["mark"], without_start(line.rich, len(line.text) - len(found["text"])) or found["text"]
    return "", ""
