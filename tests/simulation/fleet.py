"""Workers as processes: started, killed, stopped for a while, cut off, drained, and started again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import cast

import anyio

from llamaparse_worker.interfaces import Broker, JobStore
from llamaparse_worker.limits import Limits
from llamaparse_worker.model.job import TenantLimit
from llamaparse_worker.pipeline.checkpoints import CheckpointPolicy
from llamaparse_worker.pipeline.job import JobLimits, JobPipeline
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.worker.attempts import Attempts
from llamaparse_worker.worker.company import Company
from llamaparse_worker.worker.deliveries import Deliveries
from llamaparse_worker.worker.loop import Worker
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.policy import AttemptPolicy
from llamaparse_worker.worker.ranges import RangeAttempts
from llamaparse_worker.worker.settlement import RetryPolicy
from llamaparse_worker.worker.upkeep import Upkeep
from simulation.clockwork import PROCESS, WORLD, Clockwork, context_of
from simulation.documents import ScriptedDocuments
from simulation.history import CUT_OFF, DRAINING, KILLED, poisoned_by
from simulation.network import Bucket, Connection, Network, RemoteJobs, UnrulyBroker, Uploads
from simulation.weather import Mishap, Weather

SLOTS = 2
LEASE_S = 6.0
GRACE_S = 3.0
INTERVAL_S = 5.0
KEEP_SPLIT_S = 40.0
TRANSFER_TIMEOUT_S = 600.0
"""Longer than a call whose answer is lost: no job ends for a slow network."""
RETRY = RetryPolicy(max_attempts=3, delay_s=2.0)
TENANT = TenantLimit(running=1, pause_s=1.0)
HEARTBEAT_S = 5.0
"""When the broker calls a silent connection lost."""

METRICS = Metrics("0", Limits({}))
"""Shared by all runs: nothing here reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The classes that a run is made of; a planted bug replaces one."""

    store: type[MemoryJobStore] = MemoryJobStore
    bucket: type[Bucket] = Bucket
    attempts: type[Attempts] = Attempts
    pipeline: type[JobPipeline] = JobPipeline
    upkeep: type[Upkeep] = Upkeep


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """What all workers share."""

    broker: UnrulyBroker
    jobs: MemoryJobStore
    objects: MemoryObjectStore
    network: Network


@dataclass(slots=True)
class _Process:
    """One worker from its start to its end."""

    number: int
    connection: Connection
    stop: anyio.Event
    steps_left: int
    task: asyncio.Task[None] | None = None
    thaw: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Fleet:
    """So many workers at any time; for each that dies or drains another starts."""

    loop: Clockwork
    random: Random
    backends: Backends
    parts: Parts
    spool: Path
    mark: Callable[[int, str], None]
    weather: Weather | None = None
    """None while nothing goes wrong."""
    checkpoint_s: float = 0.0
    """The work between two checkpoints; 0 makes none."""
    split_pages: int = 0
    """The most pages of one attempt; 0 splits no job."""
    lengths: dict[str, int] = field(default_factory=dict)
    """How many pages each job has that is opened with checkpoints."""
    ended: bool = False
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _parsed: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _processes: dict[int, _Process] = field(default_factory=dict)
    _dead: list[_Process] = field(default_factory=list)

    def start(self) -> None:
        """Start a worker."""
        if self.ended:
            return
        number = next(self._numbers)
        connection = Connection(self.backends.broker, self.backends.network, number)
        process = _Process(number, connection, anyio.Event(), self._steps())
        self._processes[number] = process
        process.task = self.loop.create_task(self._work(process), context=context_of(number))
        process.task.add_done_callback(lambda _: self._exited(process), context=context_of(WORLD))
        self.mark(number, "starts")

    def stepped(self, number: int) -> None:
        """Count the steps of a worker; sooner or later something happens to it."""
        process = self._processes.get(number)
        if process is None or self.weather is None or not self.weather.mishaps:
            return
        process.steps_left -= 1
        if process.steps_left <= 0:
            process.steps_left = self._steps()
            self._befall(process, self.random.choice(self.weather.mishaps))

    def kill(self, number: int) -> None:
        """Kill a worker: it takes no further step, and its connection is lost."""
        process = self._processes.pop(number, None)
        if process is None:
            return
        self.mark(number, KILLED)
        self._dead.append(process)
        self.loop.freeze(number)
        if process.thaw:
            process.thaw.cancel()
        # A half-open connection is found by its heartbeat.
        self.loop.call_later(self.random.choice((0.0, HEARTBEAT_S)), process.connection.lose, context=context_of(WORLD))
        self.loop.call_later(self.random.uniform(0.1, 5), self.start, context=context_of(WORLD))

    def _poison(self, job: str) -> None:
        """Kill the worker that has read this job."""
        self.mark(PROCESS.get(), poisoned_by(job))
        self.kill(PROCESS.get())

    @property
    def stalled(self) -> bool:
        """Whether a living worker is stopped at the moment."""
        return any(self.loop.frozen(number) for number in self._processes)

    async def end(self) -> None:
        """End every worker, also the dead ones, whose coroutines have to be unwound; the network must be cut."""
        self.ended = True
        processes = [*self._processes.values(), *self._dead]
        tasks = [process.task for process in processes if process.task]
        for process in processes:
            self.loop.thaw(process.number)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _steps(self) -> int:
        return self.random.randint(1, self.weather.steps_apart) if self.weather else 1

    def _befall(self, process: _Process, mishap: Mishap) -> None:
        match mishap:
            case Mishap.CRASH:
                self.kill(process.number)
            case Mishap.STALL:
                self._stall(process, self.random.uniform(0.5, 4 * LEASE_S))
            case Mishap.DISCONNECT:
                self.mark(process.number, CUT_OFF)
                process.connection.lose()
            case Mishap.DRAIN:
                self.mark(process.number, DRAINING)
                process.stop.set()

    def _stall(self, process: _Process, seconds: float) -> None:
        self.mark(process.number, f"is stopped for {seconds:.1f} s")
        self.loop.freeze(process.number)
        outside = context_of(WORLD)
        if seconds > HEARTBEAT_S:
            self.loop.call_later(HEARTBEAT_S, process.connection.lose, context=outside)
        process.thaw = self.loop.call_later(seconds, self._wake, process, context=outside)

    def _wake(self, process: _Process) -> None:
        self.mark(process.number, "goes on")
        self.loop.thaw(process.number)

    def _exited(self, process: _Process) -> None:
        """Start another worker in the place of one that drained."""
        if self._processes.pop(process.number, None) is None:
            return
        self.mark(process.number, "has exited")
        process.connection.lose()
        if process.task and not process.task.cancelled() and (error := process.task.exception()):
            self.loop.failures.append(f"a worker ended with {error!r}")
        self.loop.call_later(self.random.uniform(0.1, 5), self.start, context=context_of(WORLD))

    async def _work(self, process: _Process) -> None:
        network, parts = self.backends.network, self.parts
        splits = self.split_pages > 0
        jobs = cast("JobStore", RemoteJobs(self.backends.jobs, network, process.number, splits=splits))
        broker = cast("Broker", process.connection)
        bucket = parts.bucket(self.backends.objects, network, process.number)
        pipeline = parts.pipeline(
            sources=Uploads(bucket),
            objects=bucket,
            documents=ScriptedDocuments(
                self.random,
                lambda: next(self._parsed),
                self._poison,
                self.lengths if self.checkpoint_s else None,
            ),
            spool_dir=self.spool,
            limits=JobLimits(
                max_document_bytes=1000,
                fetch_timeout_s=TRANSFER_TIMEOUT_S,
                store_timeout_s=TRANSFER_TIMEOUT_S,
                split_pages=self.split_pages,
            ),
            observe_stage=lambda _job, _stage, _seconds: None,
            checkpoints=CheckpointPolicy(every_s=self.checkpoint_s, reading=""),
        )
        upkeep = parts.upkeep(broker, jobs, interval_s=INTERVAL_S, on_dead_letter=lambda _code: None)
        company = Company(anyio.CapacityLimiter(SLOTS))
        policy = AttemptPolicy(lease_s=LEASE_S, retry=RETRY, tenant_limit=TENANT, keep_split_s=KEEP_SPLIT_S)
        attempts = parts.attempts(
            jobs,
            pipeline,
            policy,
            METRICS,
            company=company,
            on_event=lambda _job: upkeep.wake(),
            on_split=upkeep.look,
        )
        ranges = RangeAttempts(jobs, pipeline, policy, METRICS, company=company, on_ended=upkeep.look)
        worker = Worker(
            broker,
            Deliveries(attempts, ranges),
            upkeep,
            slots=SLOTS,
            grace_s=GRACE_S,
            max_jobs=None,
            on_consuming=lambda: None,
        )
        await worker.run(process.stop)
