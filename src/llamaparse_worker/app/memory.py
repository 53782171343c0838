"""How the daemon's process gives back memory: the allocator of the C library, and the collector of garbage."""

from __future__ import annotations

import ctypes
import gc

_M_MMAP_THRESHOLD = -3
"""From ``malloc.h`` of glibc."""
_LARGE_BYTES = 128 * 1024
"""What glibc starts with. What is received from a socket is read into blocks of twice this size."""

_THRESHOLDS = (10_000, 10, 200)
"""Pages that wait for models are hundreds of thousands of objects. A collection that looks at all of them stops the
event loop for a tenth of a second: by the interpreter's own thresholds once a second."""


def map_large_blocks() -> bool:
    """Have each large block mapped by itself, and given back to the kernel when it is freed, for good.

    glibc only begins so: whenever a mapped block is freed, it takes blocks up to that size from the heap from then on
    (``mallopt(3)``, M_MMAP_THRESHOLD). There the buffers of the event loop, which shrink to the few bytes that came,
    leave holes that the next ones do not fit into, and the heap grows by what nobody uses. A block once in a while
    does that to a worker, such as the interpreter's table of strings when it has become too small.

    Returns:
        Whether the allocator can be told; another C library may have one that needs no telling.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES))


def leave_out_of_collections() -> None:
    """Have no collection look at what exists by now, as it lives as long as the daemon, and few at all that comes."""
    gc.collect()
    gc.freeze()
    gc.collect()  # sets the size that old objects have to grow by a quarter of: else all that was frozen counts
    gc.set_threshold(*_THRESHOLDS)
