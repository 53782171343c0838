"""Cancels a job, whoever works on it or has done so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from llamaparse_worker.interfaces import JobStore, ObjectStore
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.pipeline.checkpoints import remove_checkpoints


async def cancel(
    job_id: str, *, jobs: JobStore, open_objects: Callable[[], AbstractAsyncContextManager[ObjectStore]]
) -> JobStatus:
    """Cancel unless the job has ended; gives its status.

    A worker that runs the job stops and removes its checkpoints. One that died cannot, nor is there a message of the
    job that would bring it to another: so they are removed here as well.

    Args:
        job_id: the job.
        jobs: where it is cancelled.
        open_objects: opens the object store, for a job that may have checkpoints.

    Raises:
        WorkerError: the job is not cancelled, or it is and some of its checkpoints are left.
    """
    status = await jobs.cancel(job_id)
    record = await jobs.get(job_id)
    if record and record.status is JobStatus.CANCELLED and record.progress.total:
        async with open_objects() as objects:
            await remove_checkpoints(objects, record.prefix)
    return status
