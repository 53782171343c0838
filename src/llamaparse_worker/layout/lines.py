"""Segments to lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.layout.joining import whole
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.blocks import Line
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.value import unguarded

_TOUCHING_EM = 0.12


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


def join(segments: Sequence[Segment]) -> TextLine:
    """Make one line of segments that stand on it, from left to right."""
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
