from array import array

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.segments import Gap, Segment

VERSION: int

def learn(segment: type[Segment], gap: type[Gap], /) -> None: ...
def cut(
    text: str,
    boxes: bytes,
    sizes: bytes,
    fonts: bytes,
    looks: npt.NDArray[np.uint8],
    owners: npt.NDArray[np.int32] | None,
    rules: array[float],
    width: float,
    height: float,
    /,
) -> tuple[list[Segment], float, int] | None: ...
