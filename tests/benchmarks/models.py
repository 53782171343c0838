"""The modes that ask models, with a provider whose latency is known: how much of what its calls allow is used.

Little's law bounds the throughput: calls a second = calls in flight / latency. Pages a minute follow from the calls
that a page took. The rate is that between a tenth and nine tenths of the answers, so that neither the rise of the limit
nor the last pages count. The worker is held to one core; provider, broker and database run where they like.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from benchmarks import whole_way
from benchmarks.cores import held_to
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.tree import Usage, watched
from llamaparse_worker.model.options import ModeName
from support.daemon import daemon, environment, free_port, until
from support.documents import make, mixed_pages
from support.layouts.corpus import Stored

_LATENCY_S = 4.0
_WINDOW_S = 60.0
"""About as long the steady part of a round lasts."""
_DOCUMENTS = 8


@dataclass(frozen=True, slots=True)
class Round:
    """One mode with its calls in flight, and how its provider answers."""

    mode: ModeName
    in_flight: int
    spread_s: float
    share: float
    """Of what Little's law allows, that is wanted."""

    @property
    def pages(self) -> int:
        """As many as give the window at one call a page, and both ends of the round."""
        return int(self.in_flight * _WINDOW_S / _LATENCY_S / 0.8) // _DOCUMENTS * _DOCUMENTS


ROUNDS = (
    Round(ModeName.BALANCED, 250, 2.0, 0.95),
    Round(ModeName.BALANCED, 250, 0.0, 0.9),
    Round(ModeName.MULTIMODAL, 50, 0.0, 0.9),
    Round(ModeName.AGENTIC, 25, 0.0, 0.9),
)
"""The numbers in flight are the worker's defaults."""


def figures(services: whole_way.Services, state: Path) -> Iterator[Figure]:
    """Send each round through a daemon of its own."""
    for number, one in enumerate(ROUNDS):
        folder = state / str(number)
        folder.mkdir()
        yield from _figures(one, services, folder)


def _figures(one: Round, services: whole_way.Services, state: Path) -> Iterator[Figure]:
    load = _load(one.pages, state)
    whole_way.store(load.files, state)
    database_url = services.postgres.database()
    with _provider(one.spread_s, state) as provider:
        variables = services.variables(database_url) | {
            "PDF_JOB_QUEUE_CONCURRENCY": str(_DOCUMENTS),
            "OPENAI_API_KEY": "sk-of-a-benchmark",
            "OPENAI_BASE_URL": f"{provider}/v1",
        }
        with held_to(1):
            running = daemon(environment(state, variables), state)
            with running as started:
                lag = whole_way.lag_buckets(started)
                with watched(started.process.pid) as usage:
                    anyio.run(whole_way.publish, services.rabbitmq, load.files, "load", one.mode)
                    anyio.run(whole_way.ended, database_url, len(load.files), "load")
                lag_s = whole_way.lag_quantile(lag, whole_way.lag_buckets(started), 0.99)
                started.kill()
        answered = sorted(_answered(provider))
    yield from _judged(one, load.pages, answered, usage, lag_s)


def _judged(one: Round, pages: int, answered: list[float], usage: Usage, lag_s: float) -> Iterator[Figure]:
    spread = f" ± {one.spread_s:g}" if one.spread_s else ""
    scenario = f"{one.mode}, {pages} pages, one core, a provider that answers in {_LATENCY_S:g}{spread} s"
    calls = len(answered) / pages
    first, last = len(answered) // 10, len(answered) * 9 // 10
    rate = 60 * (last - first) / (answered[last] - answered[first]) / calls
    allowed = 60 * one.in_flight / _LATENCY_S / calls
    yield Figure(scenario, "calls a page", calls, "")
    yield Figure(scenario, "throughput", rate, "pages/min")
    yield Figure(
        scenario, f"throughput, as a share of {one.in_flight} calls in flight", rate / allowed, "", at_least(one.share)
    )
    yield Figure(scenario, "CPU of the tree", usage.cpu_s / pages * 1000, "ms a page")
    yield Figure(scenario, "CPU of the daemon process", usage.main_cpu_s / pages * 1000, "ms a page")
    yield Figure(scenario, "event loop lag, p99", lag_s * 1000, "ms", at_most(50))
    yield Figure(scenario, "peak RSS of the tree", usage.peak_rss_mb, "MB", at_most(600))


def _load(pages: int, state: Path) -> whole_way.Load:
    (state / "documents").mkdir()
    stored: list[Stored] = []
    for number in range(_DOCUMENTS):
        file = state / "documents" / f"{number}.pdf"
        file.write_bytes(make(*mixed_pages(number, pages // _DOCUMENTS)))
        stored.append(Stored(file, pages // _DOCUMENTS))
    return whole_way.Load(stored)


@contextmanager
def _provider(spread_s: float, state: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.provider", str(port), str(_LATENCY_S), str(spread_s)]
    with (state / "provider.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(address), 30, why=(state / "provider.log").read_text)
        yield address
    finally:
        process.kill()
        process.wait()


def _answers(provider: str) -> bool:
    try:
        _answered(provider)
    except OSError:
        time.sleep(0.1)
        return False
    return True


def _answered(provider: str) -> list[float]:
    with urllib.request.urlopen(f"{provider}/answered", timeout=30) as response:
        times: list[float] = json.load(response)
    return times
