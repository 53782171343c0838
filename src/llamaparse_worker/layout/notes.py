"""Footnotes: small print that begins with a raised label, and the marks in the text that refer to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llamaparse_worker.layout.inline import PLAIN, RAISED, SWITCHES
from llamaparse_worker.layout.lines import TextLine
from llamaparse_worker.layout.segments import Segment, Style
from llamaparse_worker.model.blocks import Block, Footnote, Heading, ListBlock, Paragraph, Span, SpanKind
from llamaparse_worker.model.value import changed

_SMALLER = 0.95
_RAISED_SWITCHES = "".join(switch for look, switch in enumerate(SWITCHES) if look & RAISED)
_LABEL = re.compile(f"[{_RAISED_SWITCHES}](?P<label>\\d{{1,3}}|[*†‡§¶])\\s*[\ufdd0-\ufdef]\\s*(?=.)")
_MARK = re.compile(r"\d{1,3}|[*†‡§¶]")


def note_start(line: TextLine, style: Style) -> tuple[str, str]:
    """Give the label of a footnote that a line begins, and the rest of the line; both empty if it begins none."""
    if line.size > _SMALLER * style.size or not line.rich:
        return "", ""
    found = _LABEL.match(line.rich)
    if found is None:
        return "", ""
    return found["label"], PLAIN + line.rich[found.end() :]


def begins_note(segment: Segment) -> bool:
    """Tell whether a segment begins with the raised label of a footnote."""
    return bool(segment.rich) and _LABEL.match(segment.rich) is not None


def with_notes_placed(blocks: Sequence[Block]) -> list[Block]:
    """Put each footnote behind the block that refers to it, and turn the marks there into references.

    A note that nothing refers to is a paragraph.
    """
    notes = {block.label: block for block in blocks if isinstance(block, Footnote)}
    if not notes:
        return list(blocks)
    made: list[Block] = []
    placed: set[str] = set()
    for block in blocks:
        if isinstance(block, Footnote):
            continue
        referring, labels = _referring(block, notes)
        made.append(referring)
        for label in labels:
            if label not in placed:
                made.append(notes[label])
                placed.add(label)
    made.extend(_unreferred(note) for label, note in notes.items() if label not in placed)
    return made


def _unreferred(note: Footnote) -> Paragraph:
    shift = len(note.label) + 1
    spans = tuple(changed(span, start=span.start + shift, end=span.end + shift) for span in note.spans)
    return Paragraph(f"{note.label} {note.text}", note.box, note.lines, spans)


def _referring(block: Block, labels: Iterable[str]) -> tuple[Block, list[str]]:
    match block:
        case Paragraph() | Heading():
            spans, found = _references(block.text, block.spans, labels)
            return (changed(block, spans=spans), found) if found else (block, [])
        case ListBlock():
            items = []
            every: list[str] = []
            for item in block.items:
                spans, found = _references(item.text, item.spans, labels)
                items.append(changed(item, spans=spans) if found else item)
                every.extend(found)
            return (changed(block, items=tuple(items)), every) if every else (block, [])
        case _:
            return block, []


def _references(text: str, spans: Sequence[Span], labels: Iterable[str]) -> tuple[tuple[Span, ...], list[str]]:
    made: list[Span] = []
    found: list[str] = []
    for span in spans:
        mark = text[span.start : span.end]
        if span.kind is SpanKind.SUPERSCRIPT and _MARK.fullmatch(mark) and mark in labels:
            made.append(Span(span.start, span.end, SpanKind.FOOTNOTE, mark))
            found.append(mark)
        else:
            made.append(span)
    return tuple(made), found
