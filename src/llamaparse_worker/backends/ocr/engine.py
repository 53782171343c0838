"""What an engine in this process is: a blocking call on pixels. ``pool`` makes a seam of it.

Neither imports numpy before there are pixels: most programs and most jobs never see any.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from llamaparse_worker.model.recognition import Recognition

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Samples: TypeAlias = "npt.NDArray[np.uint8]"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Picture:
    """A page image that belongs to whoever reads it: an array of shape (height, width, channels), grey or RGB."""

    samples: Samples
    dpi: float


class Engine(Protocol):
    """Reads one picture at a time, in the thread that has opened it."""

    def read(self, picture: Picture, languages: tuple[str, ...]) -> Recognition:
        """Recognise words; boxes in points (pixels × 72 / dpi) of the image as it is given.

        Raises:
            PageUnreadable: the picture cannot be read.
        """
        ...


EngineFactory = Callable[[], AbstractContextManager[Engine]]
"""Opens an engine for one thread. What threads share, such as models, is loaded before."""
