"""Start-up time of the daemon, and its memory while it has nothing to do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, at_most
from benchmarks.tree import pss_mb
from support.daemon import Daemon, daemon, environment

_REPEATS = 3
_POLL_S = 0.01
_LIMIT_S = 30.0
_IDLE_S = 3.0


def start_and_idle(name: str, variables: Mapping[str, str], state: Path) -> list[Figure]:
    """Start the daemon several times without OCR; gives the time to ready and the memory of the idle tree."""
    state.mkdir()
    found = [_once(environment(state, {**variables, "OCR_ENGINE": "off"}), state) for _ in range(_REPEATS)]
    scenario = f"daemon without work, {name}"
    return [
        Figure(scenario, f"ready, median of {_REPEATS}", median(ready for ready, _ in found), "s", at_most(1.5)),
        Figure(scenario, f"idle PSS, median of {_REPEATS}", median(idle for _, idle in found), "MB", at_most(150)),
    ]


def _once(variables: Mapping[str, str], state: Path) -> tuple[float, float]:
    started = time.perf_counter()
    with daemon(variables, state, ready=False) as running:
        _wait(running)
        ready_s = time.perf_counter() - started
        time.sleep(_IDLE_S)
        idle = pss_mb(running.process.pid)
        running.terminate()
        running.wait()
    return ready_s, idle


def _wait(running: Daemon) -> None:
    deadline = time.perf_counter() + _LIMIT_S
    while running.get("/readyz")[0] != 200:
        if time.perf_counter() > deadline:
            raise RuntimeError(f"not ready within {_LIMIT_S} s: {running.log()}")
        time.sleep(_POLL_S)
