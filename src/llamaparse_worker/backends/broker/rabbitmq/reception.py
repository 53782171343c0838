"""Messages of several queues over one link, with one limit for all of them.

A consumer has a limit of its own, and RabbitMQ has none over several quorum queues. So messages are asked for one by
one, in the order of their turns, and consumers serve as bells only: while every queue is empty, as many of them wait
as there are free slots, for one message each.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Final

import aiormq.abc
import anyio
import structlog

from llamaparse_worker.backends.broker.rabbitmq.answered import answered
from llamaparse_worker.backends.broker.rabbitmq.delivery import Fetched
from llamaparse_worker.backends.broker.rabbitmq.link import Link
from llamaparse_worker.backends.broker.rabbitmq.messages import delivery_tag
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.model.job import Priority
from llamaparse_worker.model.queues import RANGES, Queue, Turns

_BELLS: Final[tuple[Queue, ...]] = (Priority.MEDIUM, Priority.CRITICAL, Priority.HIGH, RANGES, Priority.LOW)
"""Which queues get a bell first: the default one, where most messages come."""
_LOOK_S = 1.0
"""How often a queue without a bell is looked at, where there are fewer free slots than queues."""
_EMPTY_S = 0.1
"""How long a queue that was found empty is passed over: each look is an entry in the log of a quorum queue, and most
queues of a family are empty most of the time."""
_TIMEOUT_S = 20.0
"""A quorum queue answers only when it has a leader again, which takes a while after a restart."""

log = structlog.get_logger(__name__)


class Reception:
    """What one link has given to one ``consume`` context."""

    def __init__(self, link: Link, settings: RabbitMqSettings, turns: Turns, prefetch: int) -> None:
        self.link = link
        self._settings = settings
        self._turns = turns
        self._prefetch = prefetch
        self._unsettled = 0
        self._fetched: deque[Fetched] = deque()
        self._bells: dict[Queue, str] = {}
        """Consumer tags of the bells that wait."""
        self._empty_until: dict[Queue, float] = {}
        self._changed = anyio.Event()
        self._ended = False
        self._at_work = anyio.Lock()
        """Held while the link is asked for something that may bring messages."""
        link.watch(self._wake)

    async def next(self) -> Fetched | None:
        """Wait for a message; None when it is worth asking again, or the link is lost with all that came over it."""
        changed = self._changed = anyio.Event()
        if self._unsettled >= self._prefetch:
            await changed.wait()
            return None
        # A question that was cut off could leave a message behind that nobody holds.
        with anyio.CancelScope(shield=True):
            fetched = await self._ask()
        if fetched is None and not self.link.lost and not self._ended:
            await self._wait(changed)
        return fetched

    def settled(self) -> None:
        """Count one delivery of this reception less."""
        self._unsettled -= 1
        self._wake()

    async def end(self) -> None:
        """Silence the bells and give back what came with them; a lost link has done so already. Never raises."""
        self._ended = True
        self.link.unwatch(self._wake)
        async with self._at_work:
            try:
                await self._silence()
                await self._give_back()
            except BackendUnavailable as error:
                log.debug("broker.give_back_failed", reason=error.message)

    async def _ask(self) -> Fetched | None:
        async with self._at_work:
            try:
                await self._silence()
                if not self._fetched and not self._ended:
                    await self._fetch()
                if not self._fetched and not self._ended:
                    await self._ring_for_messages()
                if self._ended:
                    await self._give_back()
            except BackendUnavailable as error:
                log.debug("broker.asking_failed", reason=error.message)
                self.link.lose()
                return None
            if not self._fetched:
                return None
            self._unsettled += 1
            return self._fetched.popleft()

    async def _fetch(self) -> None:
        """Take one message of the queue whose turn it is.

        Before a page range is taken every queue is looked at: it may be long, and a job shall not wait for two.
        """
        passed_over: list[Queue] = []
        for queue in self._turns.order():
            if self._empty_until.get(queue, 0.0) > anyio.current_time():
                passed_over.append(queue)
                continue
            for looked_at in (*passed_over, queue) if queue is RANGES else (queue,):
                if await self._take(looked_at):
                    return

    async def _take(self, queue: Queue) -> bool:
        """Take a message of a queue, if it has any."""
        if queue not in self.link.queues:
            return False
        name = self._settings.queue_of(queue)
        with answered(f"taking from {name}", timeout_s=_TIMEOUT_S):
            delivered = await self.link.lower.basic_get(name)
        if delivered.delivery_tag is None:
            self._empty_until[queue] = anyio.current_time() + _EMPTY_S
            return False
        self._turns.took(queue)
        self._fetched.append(Fetched(queue, delivered))
        return True

    async def _ring_for_messages(self) -> None:
        """Have the first message of a queue sent without being asked for, for as many queues as slots are free."""
        with answered("subscribing", timeout_s=_TIMEOUT_S):
            await self.link.lower.basic_qos(prefetch_count=1)
            for queue in self._queues()[: self._prefetch - self._unsettled]:
                begun = await self.link.lower.basic_consume(
                    self._settings.queue_of(queue), partial(self._receive, queue)
                )
                self._bells[queue] = begun.consumer_tag or ""

    async def _silence(self) -> None:
        """Cancel the bells; what they brought until then has come when this returns."""
        with answered("cancelling the consumers"):
            while self._bells:
                _, tag = self._bells.popitem()
                await self.link.lower.basic_cancel(tag)

    async def _receive(self, queue: Queue, delivered: aiormq.abc.DeliveredMessage) -> None:
        self._turns.took(queue)
        self._fetched.append(Fetched(queue, delivered))
        self._empty_until.clear()  # after a rest everything may have changed
        self._wake()

    async def _give_back(self) -> None:
        with answered("giving messages back"):
            while self._fetched:
                await self.link.lower.basic_nack(delivery_tag(self._fetched.popleft().delivered), requeue=True)

    async def _wait(self, changed: anyio.Event) -> None:
        """Wait for a bell, a settlement, the end, or messages in a queue without a bell."""
        silent = [self._settings.queue_of(queue) for queue in self._queues() if queue not in self._bells]
        while not changed.is_set():
            with anyio.move_on_after(_LOOK_S if silent else None):
                await changed.wait()
                return
            if await self._any_ready(silent):
                return

    async def _any_ready(self, queues: list[str]) -> bool:
        """Look at queues; that hands nothing out. A failure counts as a find: the next question meets it as well."""
        try:
            with answered("looking at the queues", timeout_s=_TIMEOUT_S):
                for queue in queues:
                    counted = await self.link.lower.queue_declare(queue, passive=True)
                    if counted.message_count:
                        return True
        except BackendUnavailable:
            self.link.lose()
            return True
        return False

    def _queues(self) -> list[Queue]:
        return [queue for queue in _BELLS if queue in self.link.queues]

    def _wake(self) -> None:
        self._changed.set()
