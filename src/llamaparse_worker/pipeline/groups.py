"""What becomes of the errors of task groups and their traces, at the boundary of a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from llamaparse_worker.errors import WorkerError

E = TypeVar("E", bound=WorkerError)


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


def without_trace(error: E) -> E:
    """Part an error that is kept as a value from its trace, causes and group.

    They hold the frames, which hold all that a job had in hand, and the error itself: nothing of that would go before
    a collection of garbage.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
