"""How a failed job gets its dead letter, whoever dies: a part of the job store's contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import DueJob, JobResult, JobStatus, OwedLetter, Refusal
from llamaparse_worker.testing.jobs_samples import (
    BODY,
    COMPLETED,
    HEADERS,
    LONG_S,
    SHORT_S,
    a_job,
    claim,
    exhaust,
    expire,
    leased,
)

_ERROR = ErrorReport("BACKEND_UNAVAILABLE", "the bucket is away")
_FAILED = JobResult(status=JobStatus.FAILED, error=_ERROR)


@pytest.mark.anyio
class LettersConformance:
    """A dead letter is owed from the write that ends its job until the broker confirmed it."""

    async def test_a_failed_job_owes_its_dead_letter_until_it_is_confirmed(self, store: JobStore) -> None:
        job = a_job()
        before = datetime.now(tz=UTC) - timedelta(seconds=5)
        await store.finish(await leased(store, job), _FAILED, events=[], owes_letter=True)

        (letter,) = await store.owed_letters(limit=10, bury_within_s=SHORT_S)
        assert (letter.job_id, letter.attempt, letter.charged, letter.error) == (job.id, 1, 1, _ERROR)
        assert (letter.body, dict(letter.headers)) == (BODY, HEADERS)
        assert before < letter.failed_at < before + timedelta(seconds=60)
        assert await store.owed_letters(limit=10, bury_within_s=SHORT_S) == ()
        await expire()
        assert await store.owed_letters(limit=10, bury_within_s=SHORT_S) == (letter,)
        await store.buried(letter)
        await expire()
        assert await store.owed_letters(limit=10, bury_within_s=SHORT_S) == ()

    async def test_a_job_that_ends_otherwise_owes_none(self, store: JobStore) -> None:
        await store.finish(await leased(store, a_job()), _FAILED, events=[])
        await store.finish(await leased(store, a_job()), COMPLETED, events=[])
        await store.cancel((await leased(store, a_job())).job_id)

        assert await store.owed_letters(limit=10, bury_within_s=LONG_S) == ()

    async def test_a_lost_lease_leaves_no_debt(self, store: JobStore) -> None:
        lease = await leased(store, a_job())
        await store.cancel(lease.job_id)

        assert not await store.finish(lease, _FAILED, events=[], owes_letter=True)

        assert await store.owed_letters(limit=10, bury_within_s=LONG_S) == ()

    async def test_a_job_without_attempts_left_owes_its_dead_letter(self, store: JobStore) -> None:
        job = a_job()
        await exhaust(store, job)

        (letter,) = await store.owed_letters(limit=10, bury_within_s=LONG_S)

        assert (letter.job_id, letter.charged, letter.error.code) == (job.id, 2, "ATTEMPTS_EXHAUSTED")
        assert await claim(store, job, max_attempts=2) is Refusal.FINISHED

    async def test_workers_at_once_take_each_letter_once(self, store: JobStore) -> None:
        for _ in range(8):
            await store.finish(await leased(store, a_job()), _FAILED, events=[], owes_letter=True)
        taken: list[str] = []

        async def one() -> None:
            taken.extend(letter.job_id for letter in await store.owed_letters(limit=10, bury_within_s=LONG_S))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        assert len(taken) == len(set(taken)) == 8

    async def test_no_more_are_taken_than_asked_for(self, store: JobStore) -> None:
        for _ in range(3):
            await store.finish(await leased(store, a_job()), _FAILED, events=[], owes_letter=True)

        assert [len(await store.owed_letters(limit=2, bury_within_s=LONG_S)) for _ in range(3)] == [2, 1, 0]

    async def test_a_reopened_job_owes_nothing_for_its_earlier_end(self, store: JobStore) -> None:
        job = a_job()
        await store.finish(await leased(store, job), _FAILED, events=[], owes_letter=True)

        assert isinstance(await store.reopen(job.id, publish_within_s=LONG_S), DueJob)

        assert await store.owed_letters(limit=10, bury_within_s=LONG_S) == ()

    async def test_a_late_confirmation_does_not_pay_for_a_newer_end(self, store: JobStore) -> None:
        job = a_job()
        await store.finish(await leased(store, job), _FAILED, events=[], owes_letter=True)
        (first,) = await store.owed_letters(limit=10, bury_within_s=LONG_S)
        await store.reopen(job.id, publish_within_s=LONG_S)
        await store.finish(await leased(store, job), _FAILED, events=[], owes_letter=True)

        await store.buried(first)

        (second,) = await store.owed_letters(limit=10, bury_within_s=LONG_S)
        assert (second.attempt, second.charged) == (2, 1)

    async def test_confirming_again_or_for_an_unknown_job_is_fine(self, store: JobStore) -> None:
        await exhaust(store, a_job())
        (letter,) = await store.owed_letters(limit=10, bury_within_s=LONG_S)
        unknown = OwedLetter(
            job_id="never-seen",
            attempt=1,
            charged=1,
            failed_at=letter.failed_at,
            error=_ERROR,
            body=BODY,
            headers=HEADERS,
        )

        for one in (letter, letter, unknown):
            await store.buried(one)

        assert await store.get("never-seen") is None
