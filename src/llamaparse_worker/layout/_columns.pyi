from collections.abc import Sequence

from llamaparse_worker.layout.columns import Line, Strip
from llamaparse_worker.layout.segments import Segment

VERSION: int

def learn(segments: type[Segment], strips: type[Strip], /) -> None: ...
def standing_apart(lines: Sequence[Line], /) -> list[Strip] | None: ...
def spanned(segment: Segment, strips: Sequence[Strip], /) -> tuple[int, int]: ...
