"""Unwraps the errors of task groups, once, at the boundary of a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llamaparse_worker.errors import WorkerError


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the first typed error out of a group of them, and any error that is alone in its group.

    A group that holds several and anything untyped among them stays as it is.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        leaves = tuple(_leaves(group))
        if len(leaves) == 1 or all(isinstance(leaf, WorkerError) for leaf in leaves):
            raise leaves[0] from group
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
