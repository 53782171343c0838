"""Backends as one worker reaches them: over a network that is slow, loses requests, and loses answers.

A request that has left is carried on whatever becomes of its sender: it may have its effect after the sender gave up,
stopped or died.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar
from zlib import crc32

from anyio.lowlevel import checkpoint

from llamaparse_worker.errors import BackendUnavailable, WorkerError
from llamaparse_worker.interfaces import Delivery, Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import SourceRef
from llamaparse_worker.model.ranges import DueRange, RangeRecord
from llamaparse_worker.pipeline.checkpoints import FOLDER as CHECKPOINTS
from llamaparse_worker.pipeline.frames import whole_frames
from llamaparse_worker.testing.broker import MemoryBroker, MemoryDelivery, MemoryIntake
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.objects import MemoryObjectStore
from simulation.clockwork import WORLD, context_of
from simulation.weather import Trip, Weather

T = TypeVar("T")

RANGES = "ranges."
"""Begins the names of calls about page ranges."""
CLIENT_TIMEOUT_S = 10.0
"""When the worker's side of a call gives up; the request itself may still arrive."""


class Observe(Protocol):
    """Receives each call in the moment of its effect."""

    def __call__(
        self, process: int, name: str, arguments: tuple[object, ...], options: dict[str, Any], answer: object
    ) -> None:
        """Take one call."""
        ...


class Network:
    """Carries the calls of all processes. ``cut`` ends it: from then on every call fails at once."""

    def __init__(self, next_trip: Callable[[int], Trip], observe: Observe) -> None:
        self._next_trip = next_trip
        self._observe = observe
        self.cut = False
        self.under_way: set[asyncio.Task[None]] = set()

    async def carry(
        self, process: int, name: str, call: Callable[..., Awaitable[T]], *arguments: object, **options: object
    ) -> T:
        """Make the call in the world's process, and wait for its answer in the caller's.

        Raises:
            BackendUnavailable: request or answer were lost, or it takes too long.
        """
        if self.cut:
            await checkpoint()
            raise BackendUnavailable("the run is over")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        request = self._serve(process, name, partial(call, *arguments, **options), (arguments, options), answer)
        task = loop.create_task(request, context=context_of(WORLD))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard, context=context_of(WORLD))
        return await answer

    async def _serve(
        self,
        process: int,
        name: str,
        call: Callable[[], Awaitable[T]],
        subject: tuple[tuple[object, ...], dict[str, object]],
        answer: asyncio.Future[T],
    ) -> None:
        trip = self._next_trip(process)
        timeout = BackendUnavailable(f"{name}: no answer within {CLIENT_TIMEOUT_S:g} s")
        if trip.out_s + trip.back_s > CLIENT_TIMEOUT_S:
            asyncio.get_running_loop().call_later(CLIENT_TIMEOUT_S, _fail, answer, timeout)
        await asyncio.sleep(trip.out_s)
        if trip.loses_request:
            _fail(answer, BackendUnavailable(f"{name}: the request was lost"))
            return
        try:
            found = await call()
        except WorkerError as error:
            _fail(answer, error)
            return
        self._observe(process, name, *subject, found)
        await asyncio.sleep(trip.back_s)
        if trip.loses_answer:
            _fail(answer, BackendUnavailable(f"{name}: the answer was lost"))
        elif not answer.done():
            answer.set_result(found)


def _fail(answer: asyncio.Future[T], error: WorkerError) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # marked as seen: its waiter may be cancelled in the same moment


class Remote:
    """A backend at the other end of the network: has its methods, and each call of one is carried there."""

    def __init__(self, backend: object, network: Network, process: int, *, prefix: str = "") -> None:
        self._backend = backend
        self._network = network
        self._process = process
        self._prefix = prefix
        """Begins the names of its calls in the history."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        return partial(self._network.carry, self._process, f"{self._prefix}{name}", getattr(self._backend, name))


class RemoteJobs(Remote):
    """The job store, and the page ranges in it."""

    def __init__(self, backend: MemoryJobStore, network: Network, process: int, *, splits: bool) -> None:
        super().__init__(backend, network, process)
        self.ranges = Remote(backend.ranges, network, process, prefix=RANGES) if splits else _NoRanges()


class _NoRanges:
    """Where no job is split: asking for ranges takes no step, so that such runs stay what they were."""

    async def sweep(self) -> int:
        return 0

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueRange]:
        del limit, publish_within_s
        return ()

    async def of(self, job_id: str) -> Sequence[RangeRecord]:
        del job_id
        return ()


class UnrulyBroker(MemoryBroker):
    """Delivers messages twice and in any order, as a broker may."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self.weather: Weather | None = None

    async def publish(self, message: Message) -> None:
        await super().publish(message)
        if self.weather and self._random.random() < self.weather.duplicate:
            await super().publish(message)

    def claim(self, intake: MemoryIntake) -> MemoryDelivery | None:
        if self.weather and self._random.random() < self.weather.reorder:
            self._random.shuffle(self._entries)
        return super().claim(intake)

    def lose(self, intake: MemoryIntake) -> None:
        """Do what the loss of one connection does: its unsettled messages are free again, its iterator ends."""
        for entry in self._entries:
            if entry.holder in intake.taken:
                entry.holder = None
        intake.leave()
        self.wake()


class Connection(Remote):
    """The broker as one worker reaches it."""

    def __init__(self, broker: UnrulyBroker, network: Network, process: int) -> None:
        super().__init__(broker, network, process)
        self._broker = broker
        self._intakes: list[MemoryIntake] = []

    @asynccontextmanager
    async def consume(self, *, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take messages until the connection is lost; a worker then consumes anew."""
        async with self._broker.consume(prefetch=prefetch) as intake:
            assert isinstance(intake, MemoryIntake)
            self._intakes.append(intake)
            yield self._received(intake)

    def lose(self) -> None:
        """Lose the connection."""
        for intake in self._intakes:
            self._broker.lose(intake)
        self._intakes.clear()

    async def _received(self, intake: MemoryIntake) -> AsyncIterator[Delivery]:
        async for delivery in intake:
            yield Received(delivery, self)

    async def settle(self, name: str, call: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Settle over the network. A settlement that does not arrive breaks the connection, as its order is kept."""
        try:
            await self._network.carry(self._process, name, call, *arguments)
        except BaseException:
            self.lose()
            raise


class Received:
    """A delivery whose settlement goes over the network."""

    def __init__(self, delivery: Delivery, connection: Connection) -> None:
        self._delivery = delivery
        self._connection = connection

    @property
    def message(self) -> Message:
        return self._delivery.message

    async def acknowledge(self) -> None:
        await self._connection.settle("acknowledge", self._delivery.acknowledge)

    async def requeue(self) -> None:
        await self._connection.settle("requeue", self._delivery.requeue)

    async def dead_letter(self, death: Death) -> None:
        await self._connection.settle("dead_letter", self._delivery.dead_letter, death)


class Bucket(MemoryObjectStore):
    """The object store as one worker reaches it: the files are its own, the bytes go over the network."""

    def __init__(self, shared: MemoryObjectStore, network: Network, process: int) -> None:
        super().__init__()
        self._shared = shared
        self._network = network
        self._process = process

    async def read(self, key: str, *, limit_bytes: int) -> bytes:
        return await self._network.carry(self._process, "read", self._shared.read, key, limit_bytes=limit_bytes)

    async def store(self, key: str, path: Path, *, content_type: str) -> None:
        del content_type
        await self._network.carry(self._process, "put", self._put, key, path.read_bytes())

    async def write(self, key: str, content: bytes, *, content_type: str) -> None:
        del content_type
        await self._network.carry(self._process, "put", self._put, key, content)

    async def list(self, prefix: str) -> Sequence[str]:
        return await self._network.carry(self._process, "list", self._shared.list, prefix)

    async def delete(self, key: str) -> None:
        await self._network.carry(self._process, "delete", self._shared.delete, key)

    async def _put(self, key: str, content: bytes) -> None:
        await checkpoint()
        self._shared.objects[key] = _spoilt(content) if f"/{CHECKPOINTS}/" in key else content


def _spoilt(content: bytes) -> bytes:
    """Change one byte of a page in one content of eight: what comes back from a store need not be what was sent."""
    if crc32(content) % 8:
        return content
    at = next(whole_frames(BytesIO(content))).page_at
    return content[:at] + b"?" + content[at + 1 :]


class Uploads:
    """Fetches sources from the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def fetch(self, source: SourceRef, target: Path, *, limit_bytes: int) -> None:
        await self._bucket.fetch(source.location, target, limit_bytes=limit_bytes)
