"""When a webhook is called again, and that no receiver keeps another one waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import pytest
from anyio.lowlevel import checkpoint
from structlog.testing import capture_logs

from llamaparse_worker.errors import BackendUnavailable, TransientError
from llamaparse_worker.model.job import JobResult, JobStatus, Lease
from llamaparse_worker.model.webhook import OwedCall, WebhookCall, WebhookEvent, WebhookRequest
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.wire import EventPages, JobEvent, job_of, outbox_event, read_message, utc_now
from llamaparse_worker.worker.webhooks import (
    LONGEST_PAUSE_S,
    NOTE_WITHIN_S,
    Answer,
    CallOutcome,
    CallPolicy,
    WebhookCalls,
    again_in_s,
    pause_s,
)

DAY_S = 86_400.0
POLICY = CallPolicy(concurrency=8, timeout_s=1, retry_s=DAY_S)


def owed(*, tries: int = 0, age_s: float = 0) -> OwedCall:
    call = WebhookCall(0, "a.example", WebhookEvent.SUCCESS, b"{}")
    return OwedCall(event_id="e", call=call, job_id="j", tries=tries, age=timedelta(seconds=age_s), message=b"")


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause_s(tries, jitter=1) for tries in (1, 2, 3, 10, 11, 1000)] == [5, 10, 20, 2560, 3600, 3600]
    assert pause_s(1, jitter=0) == 2.5
    assert pause_s(11, jitter=0) == LONGEST_PAUSE_S / 2


@pytest.mark.parametrize(
    ("answer", "age_s", "again"),
    [
        (Answer(None, "no answer"), 0, True),
        (Answer(500, ""), 0, True),
        (Answer(404, ""), 0, True),
        (Answer(301, ""), 0, True),
        (Answer(410, ""), 0, False),
        (Answer(None, "", lasting=True), 0, False),
        (Answer(500, ""), DAY_S - 5, True),
        (Answer(500, ""), DAY_S - 4.9, False),
    ],
)
def test_a_call_is_tried_again_unless_it_is_in_vain_or_too_late(answer: Answer, age_s: float, *, again: bool) -> None:
    assert again_in_s(answer, owed(age_s=age_s), POLICY, jitter=1) == (5 if again else None)
    assert not answer.received


def test_a_dead_receiver_is_tried_some_thirty_times_in_a_day() -> None:
    age_s, tries = 0.0, 0
    while (pause := again_in_s(Answer(None, ""), owed(tries=tries, age_s=age_s), POLICY, jitter=1)) is not None:
        age_s, tries = age_s + pause, tries + 1
    assert 30 <= tries <= 40
    assert age_s <= DAY_S


@dataclass(slots=True)
class Receivers:
    """Plays all hosts; whoever is dead answers when the time limit of a call would be over."""

    statuses: dict[str, int] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    received: list[str] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)
    answer: anyio.Event = field(default_factory=anyio.Event)

    async def post(self, request: WebhookRequest) -> int:
        host = request.url.split("/")[2]
        self.at_once[host] += 1
        self.most_at_once |= self.at_once
        try:
            if host in self.dead:
                await self.answer.wait()
                raise TransientError(f"https://{host} does not answer")
            await checkpoint()
            self.received.append(host)
            return self.statuses.get(host, 204)
        finally:
            self.at_once[host] -= 1


@dataclass(slots=True)
class World:
    receivers: Receivers = field(default_factory=Receivers)
    ahead: timedelta = timedelta()
    store: MemoryJobStore = field(init=False)
    outcomes: list[CallOutcome] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    bugs: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryJobStore(self._now)

    def _now(self) -> datetime:
        return utc_now() + self.ahead

    async def end_job(self, *hosts: str) -> None:
        urls = ", ".join(f'{{"url": "https://{host}/hook", "signing_secret": "hidden"}}' for host in hosts)
        body = f'{{"job_id": "job-{utc_now().timestamp()}", "source": "a", "webhooks": [{urls}]}}'.encode()
        job = job_of(read_message(body))
        lease = await self.store.claim(job, body=body, headers={}, lease_s=60, max_attempts=3)
        assert isinstance(lease, Lease)
        told = JobEvent(
            job_id=job.id, status=JobStatus.COMPLETED, attempt=1, project_id="p", pages=EventPages(total=1, done=1)
        )
        done = JobResult(status=JobStatus.COMPLETED)
        assert await self.store.finish(lease, done, events=[outbox_event(told, job.webhooks)])

    async def reach(self, outcomes: int) -> None:
        with anyio.fail_after(5):
            while len(self.outcomes) < outcomes:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)

    @asynccontextmanager
    async def calling(self, *, interval_s: float = 0.05, policy: CallPolicy = POLICY) -> AsyncIterator[WebhookCalls]:
        calls = WebhookCalls(
            self.store,
            self.receivers,
            policy,
            interval_s=interval_s,
            on_call=self.outcomes.append,
            on_waiting=self.waiting.append,
            on_bug=lambda: self.bugs.append(None),
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(calls.run)
            yield calls
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_receiver_that_answers_is_called_once() -> None:
    world = World()
    await world.end_job("a.example", "b.example")
    async with world.calling() as calls:
        await world.reach(2)
        await calls.end()

    assert sorted(world.receivers.received) == ["a.example", "b.example"]
    assert await world.store.calls_waiting() == 0
    assert world.waiting[0] in {0, 1, 2}


@pytest.mark.anyio
async def test_a_receiver_that_is_down_is_called_again_later_and_then_given_up() -> None:
    world = World()
    world.receivers.statuses["a.example"] = 503
    await world.end_job("a.example")
    with capture_logs() as logs:
        async with world.calling():
            await world.reach(1)
            assert await world.store.calls_waiting() == 1
            world.ahead += timedelta(seconds=10)
            await world.reach(2)
            world.receivers.statuses["a.example"] = 200
            world.ahead += timedelta(seconds=20)
            await world.reach(3)
            world.receivers.statuses["b.example"] = 500
            await world.end_job("b.example")
            await world.reach(4)
            world.ahead += timedelta(seconds=DAY_S)
            await world.reach(5)

    failed, sent, given_up = CallOutcome.FAILED, CallOutcome.SENT, CallOutcome.GIVEN_UP
    assert world.outcomes == [failed, failed, sent, failed, given_up]
    assert [log["event"] for log in logs] == [f"webhook.{outcome}" for outcome in world.outcomes]
    assert logs[0]["reason"] == "https://a.example answers 503"
    assert not any("hidden" in str(log) or "/hook" in str(log) for log in logs)


@pytest.mark.anyio
async def test_a_call_that_meets_a_bug_waits_as_one_that_is_not_answered() -> None:
    world = World()

    class Broken(Receivers):
        async def post(self, request: WebhookRequest) -> int:
            raise UnicodeError(f"a bug about {len(request.body)} bytes")

    world.receivers = Broken()
    await world.end_job("a.example")
    with capture_logs() as logs:
        async with world.calling():
            await world.reach(1)

    assert world.outcomes == [CallOutcome.FAILED]
    assert len(world.bugs) == 1
    assert [log["event"] for log in logs] == ["webhooks.internal_error", "webhook.failed"]


@pytest.mark.anyio
async def test_a_dead_receiver_with_many_calls_holds_up_no_other_and_no_more_than_its_share() -> None:
    world = World()
    world.receivers.dead.add("dead.example")
    for _ in range(30):
        await world.end_job("dead.example")
    for _ in range(10):
        await world.end_job("fine.example")
    async with world.calling():
        await world.reach(10)
        assert world.receivers.received == ["fine.example"] * 10
        assert world.receivers.most_at_once == {"dead.example": POLICY.per_host, "fine.example": POLICY.per_host}
        await world.end_job("late.example")
        await world.reach(11)

    assert world.receivers.received[-1] == "late.example"


@pytest.mark.anyio
async def test_calls_at_once_are_bounded() -> None:
    world = World()
    hosts = [f"host-{number}.example" for number in range(9)]
    world.receivers.dead.update(hosts)
    for host in hosts:
        await world.end_job(host, host)
    async with world.calling(interval_s=0.01):
        await anyio.sleep(0.3)
        assert world.receivers.at_once.total() == POLICY.concurrency


@pytest.mark.anyio
async def test_a_call_whose_worker_died_is_made_again_by_another() -> None:
    world = World()
    world.receivers.dead.add("a.example")
    await world.end_job("a.example")
    async with world.calling():
        with anyio.fail_after(5):
            while not world.receivers.at_once["a.example"]:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)
    world.receivers.dead.clear()
    async with world.calling():
        await anyio.sleep(0.2)
        assert world.outcomes == [], "it may still be under way"
        world.ahead += timedelta(seconds=POLICY.timeout_s + NOTE_WITHIN_S)
        await world.reach(1)

    assert world.outcomes == [CallOutcome.SENT]


class Ailing(MemoryJobStore):
    """Fails twice as nobody expects, then as a store that is away, then never."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = [ValueError("a bug"), KeyError("another"), BackendUnavailable("away")]

    async def owed_calls(
        self, *, limit: int, per_host: int, except_hosts: Collection[str], call_within_s: float
    ) -> Sequence[OwedCall]:
        if self.failures:
            raise self.failures.pop(0)
        return await super().owed_calls(
            limit=limit, per_host=per_host, except_hosts=except_hosts, call_within_s=call_within_s
        )


@pytest.mark.anyio
async def test_an_error_that_nobody_expected_is_logged_and_counted_and_the_work_goes_on() -> None:
    world = World()
    world.store = Ailing()
    await world.end_job("a.example")
    with capture_logs() as logs:
        async with world.calling():
            await world.reach(1)

    errors = [log["event"] for log in logs if log["event"] != "webhook.sent"]
    assert errors == ["webhooks.internal_error"] * 2 + ["webhooks.interrupted"]
    assert all(log.get("exc_info") for log in logs[:2])
    assert len(world.bugs) == 2
