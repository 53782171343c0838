"""What OCR leaves to the rest: fast jobs, probes and the event loop while scans keep all OCR threads busy."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import anyio

from benchmarks import whole_way
from benchmarks.figures import Figure, at_least, at_most, quantile
from benchmarks.scans import bundle, scans
from support.daemon import Daemon, daemon, environment, until

_ENGINE = "openvino"
_SLOTS, _SCANNED = 12, 4
"""Jobs at once, and how many of them are scans."""
_DISTINCT, _PAGES = 8, 100
"""Of each document of scans; more pages than are read meanwhile."""
_FAST = 150
"""Documents with text."""
_PROBES = ("/livez", "/readyz")
_PERIOD_S = 0.02
_UNDER_WAY, _LIMIT_S = 4, 60.0
"""Scans that have been read before the fast jobs come: OCR is busy by then."""
_OCR_PAGES = "llamaparse_ocr_done_total"


def figures(services: whole_way.Services, load: whole_way.Load, state: Path) -> Iterator[Figure]:
    """Send the same fast jobs twice through one daemon: alone, and beside scans."""
    fast = whole_way.Load(load.documents[:_FAST])
    distinct = scans(state / "scans", _DISTINCT)
    bundles = [bundle(distinct, _PAGES, state / f"scans-{index}.pdf") for index in range(_SCANNED)]
    whole_way.store([*fast.files, *bundles], state)
    database_url = services.postgres.database()
    variables = services.variables(database_url)
    variables |= {"OCR_ENGINE": _ENGINE, "PDF_JOB_QUEUE_CONCURRENCY": str(_SLOTS)}
    with daemon(environment(state, variables), state) as running:
        whole_way.parse_one_first(services, fast, database_url)
        alone = _rate(services, fast, database_url, "alone")
        anyio.run(whole_way.publish, services.rabbitmq, bundles, "scans")
        until(lambda: whole_way.counted(running, _OCR_PAGES) >= _UNDER_WAY, _LIMIT_S, why=running.log)
        lag, read = whole_way.lag_buckets(running), whole_way.counted(running, _OCR_PAGES)
        with _probed(running) as answers:
            began = time.perf_counter()
            beside = _rate(services, fast, database_url, "beside")
            passed = time.perf_counter() - began
        lag_s = whole_way.lag_quantile(lag, whole_way.lag_buckets(running), 0.99)
        read = whole_way.counted(running, _OCR_PAGES) - read
        running.kill()
    scenario = f"OCR saturated: {len(fast.files)} documents with {fast.pages} pages of text beside scans"
    yield Figure(scenario, "throughput of fast jobs alone", alone, "pages/min")
    yield Figure(scenario, "throughput of fast jobs beside scans", beside, "pages/min")
    yield Figure(scenario, "share that fast jobs keep", beside / alone, "", at_least(0.4))
    yield Figure(scenario, "scans read meanwhile", 60 * read / passed, "pages/min")
    yield Figure(scenario, "event loop lag, p99", lag_s * 1000, "ms", at_most(50))
    for path in _PROBES:
        yield Figure(scenario, f"{path}, p99", quantile(answers[path], 0.99) * 1000, "ms", at_most(100))
        yield Figure(scenario, f"{path}, longest", max(answers[path]) * 1000, "ms")


def _rate(services: whole_way.Services, load: whole_way.Load, database_url: str, name: str) -> float:
    """Give pages a minute of a round of jobs."""
    published: datetime = anyio.run(whole_way.publish, services.rabbitmq, load.files, name)
    ended = anyio.run(whole_way.ended, database_url, len(load.files), name)
    return 60 * load.pages / (max(end for _, end in ended) - published).total_seconds()


@contextmanager
def _probed(running: Daemon) -> Iterator[dict[str, list[float]]]:
    """Ask the probes all the time; gives how long each answer took, in seconds."""
    answers: dict[str, list[float]] = {path: [] for path in _PROBES}
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(_PERIOD_S):
            for path in _PROBES:
                began = time.perf_counter()
                _answered(running.base_url + path)
                answers[path].append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        ended.set()
        thread.join()


def _answered(address: str) -> None:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{address} answered {error.code}") from error
