"""Who goes first where cores are few: OCR takes what the event loop and the parser processes leave."""

from __future__ import annotations

import os
from threading import get_native_id

NICENESS = 5
"""Of ``nice(2)``: a third of the weight of others, so that OCR goes on, but nobody waits for it."""


def let_others_go_first() -> None:
    """Lower the priority of this thread, and of the threads that it starts from now on. Linux keeps it by thread."""
    thread = get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
