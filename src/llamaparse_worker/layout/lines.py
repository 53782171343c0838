"""Segments to lines of text.

Where ``lines.c`` was compiled it makes them, and else Python does, slower; both give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter, sub

from llamaparse_worker.compiled import load_module
from llamaparse_worker.layout.joining import whole
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.blocks import Line
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.value import unguarded

VERSION = 1
"""Of ``lines.c``: what an earlier version has left is not used."""

_SIZE = attrgetter("size")
_TOUCHING_EM = 0.12
_LEAST_PITCHES = 2


@unguarded
@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text with its look."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool
    monospaced: bool
    italic: bool = False
    rich: str = ""
    """The text with switches of its look (see ``inline``); empty if all of it is plain."""

    @property
    def middle(self) -> float:
        """Height of its centre on the page."""
        return (self.y0 + self.y1) / 2

    @property
    def box(self) -> Box:
        """Its box."""
        return Box(self.x0, self.y0, self.x1, self.y1)

    @property
    def line(self) -> Line:
        """The line as the result carries it."""
        return Line(whole(self.text), Box(self.x0, self.y0, self.x1, self.y1))


compiled = load_module("llamaparse_worker.layout._lines", VERSION)
if compiled is not None:
    compiled.learn(Segment, TextLine, Line, Box)


def join(segments: Sequence[Segment]) -> TextLine:
    """Make one line of segments that stand on it, from left to right."""
    made: TextLine | None = None if compiled is None else compiled.join(segments)
    return join_in_python(segments) if made is None else made


def join_in_python(segments: Sequence[Segment]) -> TextLine:
    """Do what ``join`` does."""
    if len(segments) == 1:
        only = segments[0]
        return TextLine(
            only.text,
            only.x0,
            only.y0,
            only.x1,
            only.y1,
            only.size,
            only.bold,
            only.monospaced,
            only.italic,
            only.rich,
        )
    longest = max(segments, key=lambda found: len(found.text))
    return TextLine(
        joined_text(segments),
        segments[0].x0,
        min(found.y0 for found in segments),
        max(found.x1 for found in segments),
        max(found.y1 for found in segments),
        longest.size,
        all(found.bold for found in segments),
        all(found.monospaced for found in segments),
        all(found.italic for found in segments),
        joined_rich(segments) if any(found.rich for found in segments) else "",
    )


def joined_text(segments: Sequence[Segment]) -> str:
    """Join texts with a space, except where letters touch."""
    return _joined(segments, [segment.text for segment in segments])


def joined_rich(segments: Sequence[Segment]) -> str:
    """Join texts with the switches of their look as ``joined_text`` joins the mere texts."""
    return _joined(segments, [segment.rich or segment.text for segment in segments])


def _joined(segments: Sequence[Segment], texts: Sequence[str]) -> str:
    parts: list[str] = []
    end = 0.0
    for segment, text in zip(segments, texts, strict=True):
        if parts and segment.x0 - end > _TOUCHING_EM * segment.size:
            parts.append(" ")
        parts.append(text)
        end = segment.x1
    return "".join(parts)


def carried_in_python(lines: Sequence[TextLine]) -> tuple[Line, ...]:
    """Do what ``carried`` does."""
    return tuple([line.line for line in lines])


def usual_pitch_in_python(lines: Sequence[TextLine]) -> float:
    """Do what ``usual_pitch`` does."""
    middles = [(line.y0 + line.y1) / 2 for line in lines]
    steps = zip(map(sub, middles[1:], middles), map(_SIZE, lines[1:]), strict=True)
    pitches = [step for step, size in steps if step > size / 2]
    if len(pitches) < _LEAST_PITCHES:
        return pitches[0] if pitches and pitches[0] < 2 * lines[0].size else 1.25 * lines[0].size
    return min(lower_quartile(pitches), 2.5 * lines[0].size)


def lower_quartile(values: Sequence[float]) -> float:
    """Give what ``statistics.quantiles`` gives first of four, of two values at least."""
    ordered, count = sorted(values), len(values)
    place = min(max((count + 1) // 4, 1), count - 1)
    beyond = count + 1 - 4 * place
    return (ordered[place - 1] * (4 - beyond) + ordered[place] * beyond) / 4


carried: Callable[[Sequence[TextLine]], tuple[Line, ...]] = carried_in_python if compiled is None else compiled.carried
"""Gives lines as the result carries them."""
usual_pitch: Callable[[Sequence[TextLine]], float] = usual_pitch_in_python if compiled is None else compiled.usual_pitch
"""Gives the distance of lines within a paragraph: the lower quartile, as gaps between blocks are larger."""
