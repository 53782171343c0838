from collections.abc import Sequence

from llamaparse_worker.layout.columns import Strip
from llamaparse_worker.layout.segments import Segment

VERSION: int

def learn(segments: type[Segment], strips: type[Strip], /) -> None: ...
def spanned(segment: Segment, strips: Sequence[Strip], /) -> tuple[int, int]: ...
