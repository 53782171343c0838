"""What of a command can start before its settings are read: the fork server, with the imports of what it will serve."""

from __future__ import annotations

from contextlib import AbstractContextManager

from llamaparse_worker.parsers.program import Program, started_ahead

TASKS = "llamaparse_worker.pipeline.tasks:make_tasks"


def parsers_ahead() -> AbstractContextManager[Program]:
    """Start the fork server for ``open_documents``; it ends with the context."""
    return started_ahead([TASKS.partition(":")[0]])
