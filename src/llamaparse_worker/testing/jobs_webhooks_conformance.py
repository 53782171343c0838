"""How webhooks come to be called, whoever dies: a part of the job store's contract."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import anyio
import pytest

from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import JobStatus, OutboxEvent, Refusal
from llamaparse_worker.model.webhook import OwedCall, WebhookCall, WebhookEvent
from llamaparse_worker.testing.jobs_samples import COMPLETED, HEADERS, LONG_S, SHORT_S, a_job, an_event, expire, leased
from llamaparse_worker.wire import JobEvent

_MESSAGE = b"""{"job_id": "hooked", "source": "uploads/report.pdf", "webhooks": [
    {"url": "https://one.example/hook", "events": ["parse.success"]},
    {"url": "https://two.example:8443/hook", "output_format": "json"}
]}"""


def _event(*hosts: str) -> OutboxEvent:
    plain = an_event()
    calls = (WebhookCall(at, host, WebhookEvent.SUCCESS, f'"{at}"'.encode()) for at, host in enumerate(hosts))
    return OutboxEvent(plain.id, plain.kind, plain.body, tuple(calls))


async def _ended(store: JobStore, *hosts: str) -> OutboxEvent:
    """End a job whose webhooks have these hosts."""
    event = _event(*hosts)
    await store.finish(await leased(store, a_job()), COMPLETED, events=[event])
    return event


async def _owed(
    store: JobStore,
    *,
    limit: int = 100,
    per_host: int = 100,
    except_hosts: Collection[str] = (),
    call_within_s: float = SHORT_S,
) -> Sequence[OwedCall]:
    return await store.owed_calls(
        limit=limit, per_host=per_host, except_hosts=except_hosts, call_within_s=call_within_s
    )


def _hosts(owed: Sequence[OwedCall]) -> list[str]:
    return sorted(one.call.host for one in owed)


@pytest.mark.anyio
class WebhooksConformance:
    """A call is owed from the write that ends its job until it was answered or given up."""

    async def test_a_call_is_owed_until_it_is_answered(self, store: JobStore) -> None:
        job, event = a_job(), _event("one.example", "two.example")
        lease = await leased(store, job)
        assert await _owed(store) == ()
        await store.finish(lease, COMPLETED, events=[event])

        owed = sorted(await _owed(store), key=lambda one: one.call.position)
        assert [(one.event_id, one.call, one.job_id, one.tries) for one in owed] == [
            (event.id, call, job.id, 0) for call in event.calls
        ]
        assert all(timedelta() <= one.age < timedelta(minutes=1) for one in owed)
        assert await store.calls_waiting() == 2
        await expire()
        assert _hosts(await _owed(store)) == ["one.example", "two.example"]

        await store.call_ended(owed[0], answered=True)
        await expire()
        assert _hosts(await _owed(store)) == ["two.example"]
        await store.call_ended(owed[1], answered=False)
        await expire()
        assert await _owed(store) == ()
        assert await store.calls_waiting() == 0

    async def test_a_call_belongs_to_who_has_taken_it(self, store: JobStore) -> None:
        await _ended(store, "one.example")
        assert _hosts(await _owed(store, call_within_s=LONG_S)) == ["one.example"]
        assert await _owed(store) == ()
        assert await store.calls_waiting() == 1

    async def test_the_event_itself_is_told_beside_its_calls(self, store: JobStore) -> None:
        event = await _ended(store, "one.example")
        (told,) = await store.outbox(limit=10)
        assert (told.id, told.kind, told.body, told.calls) == (event.id, event.kind, event.body, ())
        await store.sent([event.id])
        assert await store.calls_waiting() == 1

    async def test_a_lost_lease_calls_nobody(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job)
        await store.cancel(job.id)
        assert not await store.finish(lease, COMPLETED, events=[_event("one.example")])
        assert await _owed(store) == ()

    async def test_a_call_that_failed_waits_and_counts_its_tries(self, store: JobStore) -> None:
        await _ended(store, "one.example")
        (owed,) = await _owed(store, call_within_s=LONG_S)
        await store.call_later(owed, delay_s=LONG_S)
        assert await _owed(store) == ()
        await store.call_later(owed, delay_s=0)
        assert await _owed(store) == (), "who noted late changes nothing"

        await _ended(store, "two.example")
        (owed,) = await _owed(store, call_within_s=LONG_S)
        await store.call_later(owed, delay_s=0)
        (again,) = await _owed(store)
        assert (again.tries, again.event_id) == (1, owed.event_id)
        await store.call_ended(owed, answered=False)
        assert await store.calls_waiting() == 2, "a try after that one may still be answered"
        await store.call_ended(owed, answered=True)
        assert await store.calls_waiting() == 1, "an answer is one whoever had it"

    async def test_an_answer_after_giving_up_is_no_harm(self, store: JobStore) -> None:
        await _ended(store, "one.example")
        (owed,) = await _owed(store)
        await store.call_ended(owed, answered=False)
        await store.call_ended(owed, answered=True)
        await store.call_later(owed, delay_s=0)
        await store.call_ended(owed, answered=False)
        assert await store.calls_waiting() == 0

    async def test_one_host_leaves_room_for_others(self, store: JobStore) -> None:
        for _ in range(4):
            await _ended(store, "dead.example")
        await _ended(store, "fine.example")

        first = await _owed(store, limit=3, per_host=2, call_within_s=LONG_S)
        assert _hosts(first) == ["dead.example", "dead.example", "fine.example"]
        assert await _owed(store, except_hosts=["dead.example", "other.example"]) == ()
        assert _hosts(await _owed(store, limit=1, call_within_s=LONG_S)) == ["dead.example"]

    async def test_those_who_take_at_once_get_different_calls(self, store: JobStore) -> None:
        for number in range(10):
            await _ended(store, f"host-{number}.example")
        taken: list[OwedCall] = []

        async def take() -> None:
            taken.extend(await _owed(store, call_within_s=LONG_S))

        async with anyio.create_task_group() as workers:
            for _ in range(4):
                workers.start_soon(take)
        assert _hosts(taken) == [f"host-{number}.example" for number in range(10)]

    async def test_a_cancellation_calls_the_webhooks_of_the_message(self, store: JobStore) -> None:
        job = a_job()
        await store.submit(job, body=_MESSAGE, headers=HEADERS, publish_within_s=LONG_S)
        for _ in range(2):
            assert await store.cancel(job.id) is JobStatus.CANCELLED

        (owed,) = await _owed(store)
        (event,) = await store.outbox(limit=10)
        assert (owed.call.host, owed.call.position, owed.call.event) == ("two.example:8443", 1, WebhookEvent.CANCELLED)
        assert owed.event_id == event.id
        assert owed.message == _MESSAGE
        assert job.id.encode() in owed.call.body

    async def test_a_job_without_attempts_left_calls_them_too(self, store: JobStore) -> None:
        job = a_job()
        for _ in range(2):
            claim = await store.claim(job, body=_MESSAGE, headers=HEADERS, lease_s=SHORT_S, max_attempts=1)
            await expire()
        assert claim is Refusal.EXHAUSTED

        (owed,) = await _owed(store)
        (event,) = await store.outbox(limit=10)
        assert owed.call.event is WebhookEvent.ERROR
        assert JobEvent.model_validate_json(event.body).status is JobStatus.FAILED
