"""Calls the webhooks that ended jobs owe, at least once each, and tries again with growing pauses.

Every worker does so at once: the job store shares the calls out. Whoever does not answer keeps nobody else waiting: of
each host a few calls run at a time, and the next ones of it are taken when those have ended.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import anyio
import structlog
from anyio.abc import TaskGroup

from llamaparse_worker.errors import InvalidJob, WorkerError
from llamaparse_worker.interfaces import JobStore, WebhookClient
from llamaparse_worker.model.webhook import OwedCall
from llamaparse_worker.wire import read_message, request_of, webhooks_of
from llamaparse_worker.worker.patience import AWAY_OR_REFUSING

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 3600.0
GATHER_S = 0.25
"""Calls are looked for no sooner than this after the last time."""
NOTE_WITHIN_S = 30.0
"""Beside the call itself: a call of which nothing was noted by then is made again, by whatever worker."""
_DOUBLINGS = 20

log = structlog.get_logger()


class CallOutcome(StrEnum):
    """What became of one try, as metrics count it."""

    SENT = "sent"
    FAILED = "failed"
    """It is tried again."""
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPolicy:
    """What the operator set about calls."""

    concurrency: int
    timeout_s: float
    retry_s: float
    """How long after its event a call is tried again."""

    @property
    def per_host(self) -> int:
        """How many calls of one host run at once."""
        return max(1, self.concurrency // 4)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try: a status, or in words why there is none."""

    status: int | None
    reason: str
    lasting: bool = False
    """Whether trying again can change nothing."""

    @property
    def received(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def pause_s(tries: int, *, jitter: float) -> float:
    """Give the pause after so many tries in vain, from 1; ``jitter`` of 0 to 1 spreads those that failed together."""
    doubled: int = 2 ** min(tries - 1, _DOUBLINGS)
    return min(FIRST_PAUSE_S * doubled, LONGEST_PAUSE_S) * (1 + jitter) / 2


def again_in_s(answer: Answer, owed: OwedCall, policy: CallPolicy, *, jitter: float) -> float | None:
    """Decide after a try in vain: the pause until the next one, or None to give up.

    A receiver that says it is gone for good is believed.
    """
    if answer.lasting or answer.status == HTTPStatus.GONE:
        return None
    pause = pause_s(owed.tries + 1, jitter=jitter)
    return pause if owed.age.total_seconds() + pause <= policy.retry_s else None


class WebhookCalls:
    """Runs on every worker at once."""

    def __init__(
        self,
        jobs: JobStore,
        client: WebhookClient,
        policy: CallPolicy,
        *,
        interval_s: float,
        on_call: Callable[[CallOutcome], None],
        on_waiting: Callable[[int], None],
        on_bug: Callable[[], None],
    ) -> None:
        """Prepare; ``run`` does the work.

        Args:
            jobs: owes the calls.
            client: makes them.
            policy: how many, and how often.
            interval_s: the pause between two looks where nothing wakes it.
            on_call: told what became of each try.
            on_waiting: told once an interval how many calls are owed by all workers together.
            on_bug: told of each error that nobody expected.
        """
        self._jobs = jobs
        self._client = client
        self._policy = policy
        self._interval_s = interval_s
        self._on_call = on_call
        self._on_waiting = on_waiting
        self._on_bug = on_bug
        self._running: Counter[str] = Counter()
        """Calls under way, by host."""
        self._woken = anyio.Event()
        self._counted_at = float("-inf")
        self._ending = False
        self._ended = anyio.Event()

    def wake(self) -> None:
        """Look soon: a job has ended, or a call."""
        self._woken.set()

    async def run(self) -> None:
        """Work until ``end`` or cancelled; a job store that is away is tried again in the next round."""
        async with anyio.create_task_group() as tasks:
            last = False
            while not last:
                last = self._ending
                looked_at = anyio.current_time()
                await self._tried(lambda: self._take(tasks))
                if looked_at - self._counted_at >= self._interval_s:
                    self._counted_at = looked_at
                    await self._tried(self._count)
                if not last:
                    await self._pause(looked_at)
        self._ended.set()

    async def end(self) -> None:
        """Have ``run`` return once the calls of the last jobs were tried, and wait for that."""
        self._ending = True
        self.wake()
        await self._ended.wait()

    async def _pause(self, looked_at: float) -> None:
        with anyio.move_on_after(self._interval_s):
            await self._woken.wait()
            if not self._ending:
                await anyio.sleep_until(looked_at + GATHER_S)
        self._woken = anyio.Event()

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do one step; what fails is done again later, and no failure ends the worker."""
        try:
            await step()
        except AWAY_OR_REFUSING as error:
            log.warning("webhooks.interrupted", error=error.message)
        except Exception:
            log.exception("webhooks.internal_error")
            self._on_bug()

    async def _take(self, tasks: TaskGroup) -> None:
        """Begin as many calls as there is room for."""
        while (room := self._policy.concurrency - self._running.total()) > 0:
            found = await self._jobs.owed_calls(
                limit=room,
                per_host=self._policy.per_host,
                except_hosts=tuple(self._running),
                call_within_s=self._policy.timeout_s + NOTE_WITHIN_S,
            )
            if not found:
                return
            for owed in found:
                self._running[owed.call.host] += 1
                tasks.start_soon(self._call, owed)

    async def _count(self) -> None:
        self._on_waiting(await self._jobs.calls_waiting())

    async def _call(self, owed: OwedCall) -> None:
        host = owed.call.host
        try:
            await self._tried(lambda: self._carry(owed))
        finally:
            self._running[host] -= 1
            if not self._running[host]:
                del self._running[host]
            self.wake()

    async def _carry(self, owed: OwedCall) -> None:
        """Call, and note what came of it."""
        facts = {
            "job": owed.job_id,
            "event_id": owed.event_id,
            "event_type": owed.call.event.value,
            "host": owed.call.host,
            "tries": owed.tries + 1,
        }
        answer = await self._answer(owed)
        if answer.received:
            await self._jobs.call_ended(owed, answered=True)
            self._on_call(CallOutcome.SENT)
            log.info("webhook.sent", status=answer.status, **facts)
            return
        delay_s = again_in_s(answer, owed, self._policy, jitter=random.random())  # noqa: S311 - not for cryptography
        if delay_s is None:
            await self._jobs.call_ended(owed, answered=False)
            self._on_call(CallOutcome.GIVEN_UP)
            log.error("webhook.given_up", reason=answer.reason, **facts)
            return
        await self._jobs.call_later(owed, delay_s=delay_s)
        self._on_call(CallOutcome.FAILED)
        log.warning("webhook.failed", reason=answer.reason, again_in_s=round(delay_s, 1), **facts)

    async def _answer(self, owed: OwedCall) -> Answer:
        try:
            webhook = webhooks_of(read_message(owed.message))[owed.call.position]
        except (InvalidJob, IndexError):
            return Answer(None, "the message of the job does not name this webhook to this version", lasting=True)
        try:
            status = await self._client.post(request_of(owed, webhook))
        except WorkerError as error:
            return Answer(None, error.message)
        except Exception as error:
            # Noted as any other try in vain, so that a call that meets a bug is given up in time.
            log.exception("webhooks.internal_error")
            self._on_bug()
            return Answer(None, f"an internal error: {type(error).__name__}")
        return Answer(status, f"https://{owed.call.host} answers {status}")
