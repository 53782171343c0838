"""The marks of list items: bullets, dashes, numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import changed

_BULLETS = "•‣◦▪▫●○■□◾◽☐☑☒▶▸▷▹►◆◇❖➢➤✓✔✗✘\u2043"
SURE_BULLETS = frozenset(_BULLETS) | {chr(code) for code in range(0xF020, 0xF100)}
"""Marks that are nothing else; the last ones are the signs of symbol fonts."""

_BULLET = rf"[{_BULLETS}·∙–*\-\uf020-\uf0ff]"
_ORDINAL = r"\(?(?:\d{1,3}|[a-zA-Z])[.)]"
_RING = "◦"
_MARKED = re.compile(rf"(?P<mark>{_BULLET}|{_ORDINAL})\s+(?P<text>.+)")
_MARK = re.compile(rf"{_BULLET}|{_ORDINAL}")

_BEHIND_ORDINAL = frozenset(".)")
_LONGEST_MARK = len("(123)")
_REACH_EM = 2.5
_SURE_REACH_EM = 5.0
_SAME_LINE = 0.5


def marked(text: str) -> re.Match[str] | None:
    """Match a line that begins with a mark: groups ``mark`` and ``text``."""
    if text[:1].isalpha() and text[1:2] not in _BEHIND_ORDINAL:  # as most lines begin
        return None
    return _MARKED.fullmatch(text)


def is_bullet(mark: str) -> bool:
    """Tell a bullet or dash from a number or letter."""
    return re.fullmatch(_BULLET, mark) is not None


def with_marks_joined(segments: Sequence[Segment]) -> list[Segment]:
    """Join each mark that stands alone with what follows on its line, so that no column of marks is seen."""
    segments = [_holding_mark(one) if one.gaps else one for one in segments]
    marks = [one for one in segments if len(one.text) <= _LONGEST_MARK and _is_mark(one)]
    if not marks:
        return segments
    joined: dict[int, Segment] = {}
    gone: set[int] = set()
    for mark in marks:
        following = _following(mark, segments)
        if following is not None and id(following) not in joined:
            joined[id(following)] = _joined(mark, following)
            gone.add(id(mark))
    return [joined.get(id(segment), segment) for segment in segments if id(segment) not in gone]


def _is_mark(segment: Segment) -> bool:
    text = segment.text
    # Numbers, of which tables have many, are told apart by their last character.
    if text[-1:] not in _BEHIND_ORDINAL and len(text) > 1:
        return False
    return _MARK.fullmatch(text) is not None or _is_ring(segment)


def _is_ring(segment: Segment) -> bool:
    """Tell a letter that stands for a ring: office programs take one of fixed pitch for lists within lists."""
    return segment.text == "o" and segment.monospaced


def _holding_mark(segment: Segment) -> Segment:
    """Give a segment that is not to be parted behind the mark that it begins with."""
    found = marked(segment.text)
    if found is None or segment.gaps[0].characters != len(found["mark"]):
        return segment
    return changed(segment, gaps=segment.gaps[1:])


def _following(mark: Segment, segments: Sequence[Segment]) -> Segment | None:
    top, right, bottom = mark.y0, mark.x1, mark.y1
    reach = (_SURE_REACH_EM if mark.text in SURE_BULLETS or _is_ring(mark) else _REACH_EM) * mark.size
    near = [
        segment
        for segment in segments
        if right <= segment.x0 <= right + reach
        and segment.y0 < bottom
        and top < segment.y1
        and min(bottom, segment.y1) - max(top, segment.y0) > _SAME_LINE * (bottom - top)
    ]
    return min(near, key=lambda segment: segment.x0, default=None)


def _joined(mark: Segment, segment: Segment) -> Segment:
    sign = _RING if _is_ring(mark) else mark.text
    text = f"{sign} {segment.text}"
    rich = f"{sign} {segment.rich}" if segment.rich else ""
    return Segment(
        min(mark.x0, segment.x0),
        min(mark.y0, segment.y0),
        max(mark.x1, segment.x1),
        max(mark.y1, segment.y1),
        segment.size,
        text,
        segment.bold,
        segment.monospaced,
        segment.sideways,
        segment.italic,
        rich,
        segment.owner,
    )
