"""Lines of a font of fixed pitch to the text of a program."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llamaparse_worker.layout.lines import TextLine
from llamaparse_worker.layout.segments import Segment

_PITCH_EM, _PITCHES_EM = 0.6, (0.45, 0.75)
"""The usual width of letters that are all as wide, and what it may be."""
_TELLING_CHARACTERS = 8
_LINE_EM = 1.8


def code_text(lines: Sequence[TextLine]) -> str:
    """Give lines of fixed pitch as they stand: breaks, empty lines and indentation."""
    left, pitch = min(line.x0 for line in lines), pitch_em(lines)
    made: list[str] = []
    for before, line in pairwise([lines[0], *lines]):
        if line.middle - before.middle > _LINE_EM * line.size:
            made.append("")
        made.append(" " * round((line.x0 - left) / (pitch * line.size)) + line.text)
    return "\n".join(made)


def pitch_em(lines: Sequence[TextLine | Segment]) -> float:
    """Measure the pitch of a font in em by the line that is set closest, as others have wider spaces in them."""
    long = [line for line in lines if len(line.text) >= _TELLING_CHARACTERS]
    least, most = _PITCHES_EM
    found = min(((line.x1 - line.x0) / (len(line.text) * line.size) for line in long), default=_PITCH_EM)
    return min(max(found, least), most)
