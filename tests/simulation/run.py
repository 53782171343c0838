"""One run of the delivery protocol: a seed in, the history and the broken promises out."""

from __future__ import annotations

import itertools
import random as global_random
import uuid
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar, cast
from unittest.mock import patch

import anyio
import structlog
from anyio import to_thread
from anyio.lowlevel import checkpoint

from llamaparse_worker.interfaces import JobStore, Message
from llamaparse_worker.model.job import JobResult
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.wire import JobMessage, job_of
from llamaparse_worker.worker.cancellation import cancel
from simulation.calls import Call, Mark
from simulation.clockwork import WORLD, Clockwork
from simulation.documents import Script
from simulation.fleet import RETRY, TENANT, Backends, Fleet, Parts
from simulation.history import Ending, owes_letter, violations
from simulation.network import Bucket, Network, Remote, UnrulyBroker
from simulation.weather import Trip, Weather, draw, trip

T = TypeVar("T")

STORM_S = 30.0
"""How long things go wrong."""
CHECKPOINT_S = 1.0
"""The work between two checkpoints."""
SPLIT_PAGES = 1
"""The most pages of one attempt, in the runs that split jobs: half of those with checkpoints."""
CALM_S = 600.0
"""How long a run may take after that to come to rest. Most take a minute."""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SCRIPTS = (Script.GOOD,) * 6 + (Script.CORRUPT, Script.FLAKY, Script.HOPELESS, Script.POISON)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run was and came to."""

    seed: int
    weather: Weather
    history: tuple[Call | Mark, ...]
    violations: tuple[str, ...]
    steps: int
    virtual_s: float

    def __str__(self) -> str:
        return "\n".join(
            (
                f"seed {self.seed} breaks promises:",
                *(f"  {violation}" for violation in self.violations),
                f"{self.weather}",
                *(str(entry) for entry in self.history),
                f"Replay it with: pytest tests/simulation --seed {self.seed}",
            )
        )


def simulate(seed: int, spool: Path, parts: Parts | None = None) -> Report:
    """Run the seed; ``spool`` is a folder for the documents in work."""
    with _on_one_thread(), _seeded(seed):
        return _Simulation(seed, spool, parts or Parts()).run()


@dataclass(slots=True)
class _Submission:
    """A job as its user hands it in."""

    id: str
    at: float
    script: Script
    tenant: str | None
    registered: bool
    """Whether it enters through the job store, and not as a message alone."""
    cancel_at: float | None


class _Simulation:
    """The world around the workers: users, time, weather."""

    def __init__(self, seed: int, spool: Path, parts: Parts) -> None:
        self._seed = seed
        self._random = Random(seed)
        self._loop = Clockwork(self._random)
        self._weather = draw(self._random)
        self._storm = True
        self._clock_ahead_s = 0.0
        self._history: list[Call | Mark] = []
        self._failures: list[str] = []
        self._spool = spool
        self._network = Network(self._next_trip, self._observe)
        self._backends = Backends(
            broker=UnrulyBroker(self._random),
            jobs=parts.store(self._clock),
            objects=MemoryObjectStore(),
            network=self._network,
        )
        # With checkpoints in every other run: the histories of those without have been known for longer.
        checkpoint_s = 0.0 if seed % 2 else CHECKPOINT_S
        self._fleet = Fleet(
            self._loop,
            self._random,
            self._backends,
            parts,
            spool,
            self._mark,
            checkpoint_s=checkpoint_s,
            split_pages=0 if seed % 4 else SPLIT_PAGES,
        )
        self._loop.on_step = self._fleet.stepped
        self._submissions = [self._submission(number) for number in range(self._random.randint(1, 5))]

    def run(self) -> Report:
        """Run until everything is at rest, and judge."""
        with _logged_errors(self._failures):
            ending = self._loop.run(self._live())
        found = violations(self._history, ending, max_attempts=RETRY.max_attempts, tenant_limit=TENANT.running)
        return Report(
            self._seed, self._weather, tuple(self._history), tuple(found), self._loop.steps, self._loop.time()
        )

    async def _live(self) -> Ending:
        with _numbered_scopes():
            return await self._whole_life()

    async def _whole_life(self) -> Ending:
        self._set_weather(self._weather)
        for _ in range(self._random.choice((2, 3))):
            self._fleet.start()
        async with anyio.create_task_group() as users:
            for submission in self._submissions:
                users.start_soon(self._submit, submission)
            if self._weather.clock_jumps:
                users.start_soon(self._jump)
            await anyio.sleep(STORM_S)
        self._set_weather(None)
        self._mark(WORLD, "the weather is fine")
        stuck = not await self._at_rest()
        records = {one.id: await self._backends.jobs.get(one.id) for one in self._submissions}
        files = dict(self._backends.objects.objects)
        self._network.cut = True
        seen = len(self._history)
        await self._fleet.end()
        del self._history[seen:]
        return Ending(
            stuck=stuck,
            records=records,
            files=files,
            poison=frozenset(one.id for one in self._submissions if one.script is Script.POISON),
            letters=tuple(letter.id for letter in self._backends.broker.buried),
            failures=(*self._failures, *self._loop.failures),
            leftovers=[path.name for path in self._spool.iterdir()],
            lengths=self._fleet.lengths,
        )

    def _set_weather(self, weather: Weather | None) -> None:
        self._fleet.weather = self._backends.broker.weather = weather
        self._storm = weather is not None

    async def _at_rest(self) -> bool:
        with anyio.move_on_after(CALM_S):
            while not await self._resting():  # noqa: ASYNC110 - nobody announces rest
                await anyio.sleep(1)
            return True
        return False

    async def _resting(self) -> bool:
        backends = self._backends
        records = [await backends.jobs.get(one.id) for one in self._submissions]
        queues = await backends.broker.depths()
        letters = {letter.id for letter in backends.broker.buried}
        return (
            all(record is not None and record.status.terminal for record in records)
            and all(record.id in letters for record in records if record and owes_letter(record))
            and not await backends.jobs.outbox(limit=1)
            and not any(queue.ready or queue.unacknowledged for queue in queues)
            and not self._fleet.stalled
            and not self._network.under_way
        )

    def _submission(self, number: int) -> _Submission:
        at = self._random.uniform(0, STORM_S / 2)
        cancelled = self._random.random() < self._weather.cancel
        return _Submission(
            id=f"job-{number}",
            at=at,
            script=self._random.choice(SCRIPTS),
            tenant="acme" if self._random.random() < 0.3 else None,
            registered=self._random.random() < 0.3,
            cancel_at=at + self._random.uniform(0, STORM_S / 2) if cancelled else None,
        )

    async def _submit(self, submission: _Submission) -> None:
        key = f"uploads/{submission.id}"
        self._backends.objects.objects[key] = submission.script.encode()
        message = JobMessage(job_id=submission.id, source=key, tenant=submission.tenant)
        body = message.model_dump_json().encode()
        await anyio.sleep(submission.at)
        self._mark(WORLD, f"{submission.id} is handed in: {submission.script}")
        if submission.registered:
            await self._backends.jobs.submit(job_of(message), body=body, headers={}, publish_within_s=5)
        else:
            await self._backends.broker.publish(Message(body=body, id=submission.id))
        if submission.cancel_at is not None:
            await anyio.sleep(submission.cancel_at - submission.at)
            await self._cancel(submission.id)

    async def _cancel(self, job_id: str) -> None:
        jobs = cast("JobStore", Remote(self._backends.jobs, self._network, WORLD))
        if not self._fleet.checkpoint_s:
            await jobs.cancel(job_id)
            return
        bucket = Bucket(self._backends.objects, self._network, WORLD)
        await cancel(job_id, jobs=jobs, open_objects=lambda: nullcontext(bucket))

    async def _jump(self) -> None:
        while self._storm:
            await anyio.sleep(self._random.uniform(0, STORM_S / 2))
            jump_s = self._random.uniform(-20, 20)
            self._mark(WORLD, f"the clock jumps by {jump_s:.1f} s")
            self._clock_ahead_s += jump_s
            if self._loop.time() > STORM_S:
                return

    def _clock(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time() + self._clock_ahead_s)

    def _next_trip(self, process: int) -> Trip:
        return trip(self._random, self._weather if self._storm and process != WORLD else None)

    def _observe(
        self, process: int, name: str, arguments: tuple[object, ...], options: dict[str, Any], answer: object
    ) -> None:
        files: tuple[str, ...] = ()
        if name == "finish" and isinstance(result := arguments[1], JobResult) and result.result_prefix:
            files = tuple(key for key in self._backends.objects.objects if key.startswith(f"{result.result_prefix}/"))
        clock = self._loop.time() + self._clock_ahead_s
        self._history.append(Call(self._loop.time(), clock, process, name, arguments, options, answer, files))

    def _mark(self, process: int, text: str) -> None:
        self._history.append(Mark(self._loop.time(), process, text))


@contextmanager
def _on_one_thread() -> Iterator[None]:
    """Do at once what the worker gives to a thread: threads would end in an order of their own."""

    async def run_sync(call: Callable[..., T], *arguments: object, **_: object) -> T:
        await checkpoint()
        return call(*arguments)

    with patch.object(to_thread, "run_sync", run_sync):
        yield


@contextmanager
def _numbered_scopes() -> Iterator[None]:
    """Let cancel scopes hash by their number: sets of them are walked, else in the order of addresses."""
    kind = type(anyio.CancelScope())
    number, numbers = itertools.count(), dict[int, int]()

    def make(made: type[T], **_: object) -> T:
        scope = object.__new__(made)
        numbers[id(scope)] = next(number)
        return scope

    with patch.object(kind, "__new__", make), patch.object(kind, "__hash__", lambda scope: numbers[id(scope)]):
        yield


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what the worker draws from: jitter, and the ids of leases and events."""
    ids = Random(seed)
    before = global_random.getstate()
    global_random.seed(seed)
    try:
        with patch.object(uuid, "uuid4", lambda: uuid.UUID(int=ids.getrandbits(128), version=4)):
            yield
    finally:
        global_random.setstate(before)


@contextmanager
def _logged_errors(errors: list[str]) -> Iterator[None]:
    """Keep what the worker logs as an error, which is a bug of its own; drop all else."""

    def keep(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        errors.append(str(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, keep],
        wrapper_class=structlog.make_filtering_bound_logger(40),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
