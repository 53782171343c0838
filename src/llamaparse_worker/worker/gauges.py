"""Gauges that are read when a scrape asks: processes, memory, limits, queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from anyio import CapacityLimiter
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from llamaparse_worker.interfaces import PoolUse, QueueDepth
from llamaparse_worker.parsers.outcome import EndReason
from llamaparse_worker.parsers.pool import ParserStatistics
from llamaparse_worker.worker.resources import Capacity, ProcessTree, read_capacity, read_process_tree

_PREFIX = "llamaparse_worker_"
_FRESH_S = 1.0
"""A reading of the process tree serves for this long, so that scrapes cannot make it a load."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a metric is: its name as exposed, its type, its labels and its meaning."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


_PARSER_LIMIT = "parser"
"""As in PARSER_CONCURRENCY."""

_BUILD = Family(f"{_PREFIX}build_info", "gauge", ("version",), "1, with the version as label")
_CPU = Family(f"{_PREFIX}cpu_seconds_total", "counter", (), "CPU time of the process tree")
_MEMORY = Family(f"{_PREFIX}memory_bytes", "gauge", (), "Memory of the process tree, shared pages counted once")
_PROCESSES = Family(f"{_PREFIX}processes", "gauge", (), "Processes of the tree")
_BUSY = Family(
    f"{_PREFIX}utilisation_ratio", "gauge", ("resource",), "Share in use: cpu, memory and each limit, 0 to 1"
)
_SIZE = Family(f"{_PREFIX}limit_size", "gauge", ("limit",), "Capacity of a limit")
_IN_USE = Family(f"{_PREFIX}limit_in_use", "gauge", ("limit",), "Holders of a limit")
_READY = Family(f"{_PREFIX}queue_messages_ready", "gauge", ("queue",), "Messages waiting")
_UNACKED = Family(f"{_PREFIX}queue_messages_unacked", "gauge", ("queue",), "Messages in flight, where the broker tells")
_STARTS = Family(f"{_PREFIX}child_starts_total", "counter", (), "Parser processes started")
_RESTARTS = Family(f"{_PREFIX}child_restarts_total", "counter", ("reason",), "Parser processes replaced")
_SANDBOX = Family(
    f"{_PREFIX}sandbox_enforced", "gauge", ("mechanism",), "1 where parser processes are confined by it, 0 where not"
)

_OCR_SIZE = Family(
    f"{_PREFIX}ocr_pool_size", "gauge", (), "OCR threads or processes of this worker; 0 without an engine in it"
)
_OCR_BUSY = Family(f"{_PREFIX}ocr_pool_busy", "gauge", (), "OCR threads or processes that read a page, or hang")
_OCR_STARTS = Family(f"{_PREFIX}ocr_starts_total", "counter", (), "OCR processes started")
_OCR_RESTARTS = Family(f"{_PREFIX}ocr_restarts_total", "counter", ("reason",), "OCR processes that ended or were ended")

SCRAPED = (
    _BUILD,
    _CPU,
    _MEMORY,
    _PROCESSES,
    _BUSY,
    _SIZE,
    _IN_USE,
    _READY,
    _UNACKED,
    _STARTS,
    _RESTARTS,
    _SANDBOX,
    _OCR_SIZE,
    _OCR_BUSY,
    _OCR_STARTS,
    _OCR_RESTARTS,
)


class ScrapedGauges(Collector):
    """Reads the gauges of one worker."""

    def __init__(
        self,
        version: str,
        limits: Mapping[str, CapacityLimiter],
        *,
        read_tree: Callable[[], ProcessTree] = read_process_tree,
        capacity: Capacity | None = None,
    ) -> None:
        self.depths: tuple[QueueDepth, ...] = ()
        """The queues as last seen; empty when unknown, so that no old number stands for a new one."""
        self.read_parsers: Callable[[], ParserStatistics] | None = None
        """Set once the pool of parser processes is open."""
        self.read_ocr: Callable[[], PoolUse] | None = None
        """Set where an OCR pool is part of this process."""
        self._version = version
        self._limits = limits
        self._read_tree = read_tree
        self._capacity = capacity or read_capacity()
        self._read_at = time.monotonic()
        self._tree = read_tree()
        self._cpu_seconds = self._tree.cpu_seconds
        self._cpu_ratio = 0.0

    def describe(self) -> list[Metric]:
        """Name the families, without reading anything."""
        return [Metric(family.name, family.meaning, "gauge") for family in SCRAPED]

    def collect(self) -> Iterator[Metric]:
        """Read everything now."""
        self._refresh()
        build = InfoMetricFamily(_BUILD.name.removesuffix("_info"), _BUILD.meaning)
        build.add_metric((), {"version": self._version})
        yield build
        yield CounterMetricFamily(_CPU.name, _CPU.meaning, self._cpu_seconds)
        yield GaugeMetricFamily(_MEMORY.name, _MEMORY.meaning, self._tree.memory_bytes)
        yield GaugeMetricFamily(_PROCESSES.name, _PROCESSES.meaning, self._tree.processes)
        parsers = self.read_parsers() if self.read_parsers else None
        yield from self._limit_gauges(parsers)
        yield _gauge(_READY, {depth.name: depth.ready for depth in self.depths})
        told = {depth.name: depth.unacknowledged for depth in self.depths if depth.unacknowledged is not None}
        yield _gauge(_UNACKED, told)
        yield CounterMetricFamily(_STARTS.name, _STARTS.meaning, parsers.starts if parsers else 0)
        yield _counter(_RESTARTS, parsers.restarts if parsers else {})
        safeguards = parsers.safeguards if parsers else ()
        yield _gauge(_SANDBOX, {one.mechanism: float(one.enforced) for one in safeguards})
        ocr = self.read_ocr() if self.read_ocr else PoolUse(0, 0)
        yield GaugeMetricFamily(_OCR_SIZE.name, _OCR_SIZE.meaning, ocr.size)
        yield GaugeMetricFamily(_OCR_BUSY.name, _OCR_BUSY.meaning, ocr.busy)
        yield CounterMetricFamily(_OCR_STARTS.name, _OCR_STARTS.meaning, ocr.starts)
        yield _counter(_OCR_RESTARTS, ocr.restarts)

    def _limit_gauges(self, parsers: ParserStatistics | None) -> Iterator[Metric]:
        sizes = {name: limiter.total_tokens for name, limiter in self._limits.items()}
        in_use = {name: limiter.borrowed_tokens for name, limiter in self._limits.items()}
        if parsers:
            sizes[_PARSER_LIMIT], in_use[_PARSER_LIMIT] = parsers.capacity, parsers.busy
        shares = {name: in_use[name] / size if size else 0.0 for name, size in sizes.items()}
        memory = self._tree.memory_bytes / self._capacity.memory_bytes
        yield _gauge(_SIZE, sizes)
        yield _gauge(_IN_USE, in_use)
        yield _gauge(_BUSY, {"cpu": self._cpu_ratio, "memory": memory, **shares})

    def _refresh(self) -> None:
        now = time.monotonic()
        elapsed = now - self._read_at
        if elapsed < _FRESH_S:
            return
        tree = self._read_tree()
        # A child that another process reaped takes its seconds along; a counter must not go back.
        used = max(0.0, tree.cpu_seconds - self._tree.cpu_seconds)
        self._cpu_seconds += used
        self._cpu_ratio = min(1.0, used / (elapsed * self._capacity.cpus))
        self._tree = tree
        self._read_at = now


def _gauge(family: Family, values: Mapping[str, float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
    for label, value in values.items():
        metric.add_metric((label,), value)
    return metric


def _counter(family: Family, values: Mapping[EndReason, int] | Mapping[str, int]) -> Metric:
    metric = CounterMetricFamily(family.name, family.meaning, labels=family.labels)
    for label, value in values.items():
        metric.add_metric((label,), value)
    return metric
