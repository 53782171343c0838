"""Puts the job of a dead letter back into the queue, so that every step may be the last one and be done again."""

from __future__ import annotations

from dataclasses import replace

from llamaparse_worker.errors import InvalidJob
from llamaparse_worker.interfaces import Broker, DeadLetter, JobStore, Message
from llamaparse_worker.model.dead_letter import without_death
from llamaparse_worker.model.job import DueJob, Priority, Reopening
from llamaparse_worker.wire import JobMessage, read_message
from llamaparse_worker.worker.upkeep import PUBLISH_WITHIN_S, message_of


async def retry(letter: DeadLetter, *, broker: Broker, jobs: JobStore) -> Reopening:
    """Reopen the job, publish its message, remove the dead letter; gives what the job store said.

    Killed after the first step, any worker publishes the message in time; after the second, the message is there
    twice, and the dead letter still. A job that runs or has ended otherwise keeps its state, and only its dead letter
    goes. A message whose job the store does not know, or that is no job to this version, is published as it came.

    Raises:
        BackendUnavailable: broker or job store is away; the dead letter is still there.
    """
    message = letter.message
    asked = _job_message_of(message)
    found = await jobs.reopen(asked.job_id, publish_within_s=PUBLISH_WITHIN_S) if asked else None
    match found:
        case DueJob():
            await broker.publish(message_of(found))
            await jobs.published(found)
        case None:
            headers, priority = without_death(message.headers), asked.priority if asked else None
            await broker.publish(replace(message, headers=headers, priority=priority or Priority.MEDIUM))
        case _:
            pass
    await letter.remove()
    return found


def job_id_of(message: Message) -> str | None:
    """Give the job that a message asks for; None where it is malformed."""
    asked = _job_message_of(message)
    return asked.job_id if asked else None


def _job_message_of(message: Message) -> JobMessage | None:
    try:
        return read_message(message.body)
    except InvalidJob:
        return None
