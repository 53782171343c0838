"""Puts the job of a dead letter back into the queue, so that every step may be the last one and be done again."""

from __future__ import annotations

from llamaparse_worker.errors import InvalidJob
from llamaparse_worker.interfaces import Broker, DeadLetter, JobStore, Message
from llamaparse_worker.model.dead_letter import without_death
from llamaparse_worker.model.job import DueJob, Reopening
from llamaparse_worker.wire import read_message
from llamaparse_worker.worker.upkeep import PUBLISH_WITHIN_S


async def retry(letter: DeadLetter, *, broker: Broker, jobs: JobStore) -> Reopening:
    """Reopen the job, publish its message, remove the dead letter; gives what the job store said.

    Killed after the first step, any worker publishes the message in time; after the second, the message is there
    twice, and the dead letter still. A job that runs or has ended otherwise keeps its state, and only its dead letter
    goes. A message whose job the store does not know, or that is no job to this version, is published as it came.

    Raises:
        BackendUnavailable: broker or job store is away; the dead letter is still there.
    """
    message = letter.message
    job_id = job_id_of(message)
    found = await jobs.reopen(job_id, publish_within_s=PUBLISH_WITHIN_S) if job_id else None
    match found:
        case DueJob():
            await broker.publish(Message(body=found.body, id=found.job_id, headers=found.headers))
            await jobs.published(found)
        case None:
            await broker.publish(Message(body=message.body, id=message.id, headers=without_death(message.headers)))
        case _:
            pass
    await letter.remove()
    return found


def job_id_of(message: Message) -> str | None:
    """Give the job that a message asks for; None where it is malformed."""
    try:
        return read_message(message.body).job_id
    except InvalidJob:
        return None
