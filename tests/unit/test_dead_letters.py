"""A retry of a dead letter may end after any step and be done again; its headers are read, whoever wrote them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaparse_worker.interfaces import DeadLetter, Message
from llamaparse_worker.model.dead_letter import Death, death_of, without_death
from llamaparse_worker.model.job import DueJob, Job, JobStatus, Lease, Refusal, Reopening
from llamaparse_worker.testing.broker import MemoryBroker
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.jobs_samples import COMPLETED
from llamaparse_worker.wire import JobMessage, job_of, read_message
from llamaparse_worker.worker.dead_letters import retry

BODY = JobMessage(job_id="job-1", source="uploads/a").model_dump_json().encode()
MESSAGE = Message(BODY, "job-1", {"traceparent": "00-1"})


class _Killed(BaseException):
    """The process ends here."""


@dataclass(slots=True)
class _Mortal:
    """Counts the writes of a retry, and ends the process before one of them."""

    killed_before: int | None = None
    steps: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        if len(self.steps) == self.killed_before:
            raise _Killed
        self.steps.append(name)


class _Broker(MemoryBroker):
    def __init__(self, mortal: _Mortal) -> None:
        super().__init__()
        self.mortal = mortal

    async def publish(self, message: Message) -> None:
        self.mortal.step("publish")
        await super().publish(message)


class _Jobs(MemoryJobStore):
    def __init__(self, mortal: _Mortal) -> None:
        super().__init__()
        self.mortal = mortal

    async def reopen(self, job_id: str, *, publish_within_s: float) -> Reopening:
        self.mortal.step("reopen")
        return await super().reopen(job_id, publish_within_s=publish_within_s)

    async def published(self, job: DueJob) -> None:
        self.mortal.step("published")
        await super().published(job)


class _Letter:
    def __init__(self, letter: DeadLetter, mortal: _Mortal) -> None:
        self._letter = letter
        self._mortal = mortal

    @property
    def message(self) -> Message:
        return self._letter.message

    async def remove(self) -> None:
        self._mortal.step("remove")
        await self._letter.remove()


@dataclass(slots=True)
class _World:
    mortal: _Mortal
    broker: _Broker
    jobs: _Jobs

    async def retry_all(self) -> list[Reopening]:
        async with self.broker.take_dead_letters() as letters:
            return [
                await retry(_Letter(letter, self.mortal), broker=self.broker, jobs=self.jobs)
                async for letter in letters
            ]

    async def claim(self, message: Message) -> Lease | Refusal:
        job: Job = job_of(read_message(message.body))
        return await self.jobs.claim(job, body=message.body, headers=message.headers, lease_s=60, max_attempts=2)

    async def messages(self) -> list[Message]:
        """Take all messages of the queue."""
        ready = sum(depth.ready for depth in await self.broker.depths())
        found = []
        async with self.broker.consume(prefetch=1) as deliveries:
            for _ in range(ready):
                delivery = await anext(deliveries)
                found.append(delivery.message)
                await delivery.acknowledge()
        return found

    async def bury(self, message: Message) -> None:
        await self.broker.publish(message)
        async with self.broker.consume(prefetch=1) as deliveries:
            death = Death(code="TIMEOUT", message="too long", attempt=2, worker="w-1")
            await (await anext(deliveries)).dead_letter(death)

    async def exhaust(self) -> None:
        """Use up both attempts at the job, whose message then is a dead letter."""
        for _ in range(2):
            lease = await self.claim(MESSAGE)
            assert isinstance(lease, Lease)
            await self.jobs.retry_later(lease, delay_s=0, reason="away")
        assert await self.claim(MESSAGE) is Refusal.EXHAUSTED
        await self.bury(MESSAGE)
        self.mortal.steps.clear()


@pytest.fixture
def world() -> _World:
    mortal = _Mortal()
    return _World(mortal, _Broker(mortal), _Jobs(mortal))


@pytest.mark.anyio
async def test_the_message_is_in_the_queue_before_the_dead_letter_goes(world: _World) -> None:
    await world.exhaust()

    (done,) = await world.retry_all()

    assert isinstance(done, DueJob)
    assert world.mortal.steps == ["reopen", "publish", "published", "remove"]
    assert world.broker.buried == []
    assert await world.messages() == [MESSAGE]


@pytest.mark.anyio
@pytest.mark.parametrize("killed_before", range(4))
async def test_a_retry_that_was_killed_is_done_again_and_the_job_runs_once(world: _World, killed_before: int) -> None:
    await world.exhaust()
    world.mortal.killed_before = killed_before
    with pytest.raises(_Killed):
        await world.retry_all()
    assert [letter.body for letter in world.broker.buried] == [BODY]
    world.mortal.killed_before = None

    await world.retry_all()

    assert world.broker.buried == []
    first, *rest = [await world.claim(message) for message in await world.messages()]
    assert isinstance(first, Lease)
    assert (first.attempt, first.charged) == (3, 1)
    assert set(rest) <= {Refusal.HELD}


@pytest.mark.anyio
@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.CANCELLED])
async def test_a_job_that_went_on_meanwhile_loses_its_dead_letter_only(world: _World, status: JobStatus) -> None:
    await world.bury(MESSAGE)
    if status is JobStatus.CANCELLED:
        await world.jobs.cancel("job-1")
    else:
        lease = await world.claim(MESSAGE)
        assert isinstance(lease, Lease)
        if status is JobStatus.COMPLETED:
            await world.jobs.finish(lease, COMPLETED, events=[])

    assert await world.retry_all() == [status]

    assert world.broker.buried == []
    assert await world.messages() == []


@pytest.mark.anyio
@pytest.mark.parametrize("body", [BODY, b"\xff not JSON"])
async def test_a_message_without_a_row_is_published_as_it_came(world: _World, body: bytes) -> None:
    message = Message(body, "m-1", {"traceparent": "00-1", "x-tenant": "acme"})
    await world.bury(message)

    assert await world.retry_all() == [None]

    assert world.broker.buried == []
    assert await world.messages() == [message]


@given(
    code=st.text(min_size=1),
    message=st.text(),
    at=st.none() | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0)),
    attempt=st.integers(0, 10**9 - 1),
    worker=st.text(),
)
def test_a_death_is_read_as_it_was_written(
    code: str, message: str, at: datetime | None, attempt: int, worker: str
) -> None:
    death = Death(code=code, message=message, at=at, attempt=attempt, worker=worker)

    assert death_of({"traceparent": "00-1", **death.headers()}) == death
    assert without_death({"traceparent": "00-1", **death.headers()}) == {"traceparent": "00-1"}


@given(st.dictionaries(st.sampled_from(sorted(Death(code="").headers())), st.text()))
def test_headers_of_any_producer_are_read_somehow(headers: dict[str, str]) -> None:
    assert death_of(headers).code


def test_what_rabbitmq_gave_up_by_itself_is_told_by_its_reason() -> None:
    headers = {"x-first-death-reason": "delivery_limit", "x-death": "[{}]", "x-delivery-count": "51", "x-tenant": "a"}

    assert death_of(headers) == Death(code="DELIVERY_LIMIT")
    assert without_death(headers) == {"x-tenant": "a"}
