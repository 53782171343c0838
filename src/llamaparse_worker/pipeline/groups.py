"""Unwraps the errors of task groups, once, at the boundary of a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llamaparse_worker.errors import WorkerError


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the first typed error out of a group of them; a group that holds anything else stays as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        leaves = tuple(_leaves(group))
        first = leaves[0]
        if isinstance(first, WorkerError) and all(isinstance(leaf, WorkerError) for leaf in leaves):
            raise first from group
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
