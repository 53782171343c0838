"""Tasks whose import hides Landlock from the fork server, as on a kernel that has none."""

from __future__ import annotations

from llamaparse_worker.parsers import landlock
from llamaparse_worker.testing.parsers import FaultTasks

TASKS = "support.blind:make_tasks"


def make_tasks(config: str) -> FaultTasks:
    """Make tasks; from now on this process sees no Landlock."""
    del config
    landlock.abi = lambda: 0
    return FaultTasks()
