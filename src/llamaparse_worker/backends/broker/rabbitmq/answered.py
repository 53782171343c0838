"""One reading of everything that can go wrong in a call to RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from llamaparse_worker.errors import BackendUnavailable

SETTLE_TIMEOUT_S = 5.0


@contextmanager
def answered(step: str, *, timeout_s: float = SETTLE_TIMEOUT_S) -> Iterator[None]:
    """Limit the time of a step and give its failures one type.

    The client cancels calls in flight when the connection dies. Only a cancellation that was asked of this task stays
    one; the other kind means that the broker is away.

    Raises:
        BackendUnavailable: no answer in time, an error, or the connection is lost.
    """
    task = asyncio.current_task()
    asked_before = task.cancelling() if task else 0
    try:
        with anyio.fail_after(timeout_s):
            try:
                yield
            except asyncio.CancelledError:
                if task and task.cancelling() > asked_before:
                    raise
                raise BackendUnavailable(f"{step}: the connection was lost") from None
    except TimeoutError as error:
        raise BackendUnavailable(f"{step}: no answer within {timeout_s:g} s") from error
    except CONNECTION_EXCEPTIONS as error:
        raise BackendUnavailable(f"{step}: {str(error) or type(error).__name__}") from error
