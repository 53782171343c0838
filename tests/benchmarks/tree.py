"""Watches what a process and its descendants use while a scenario runs."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from llamaparse_worker.worker.resources import read_process_tree

MEBIBYTE = 2**20
_PERIOD_S = 0.2


@dataclass(slots=True)
class Usage:
    """What was used between the start and the end of the watch."""

    cpu_s: float = 0.0
    main_cpu_s: float = 0.0
    """Of the first process alone."""
    wall_s: float = 0.0
    peak_pss_mb: float = 0.0
    peak_rss_mb: float = 0.0
    main_rss_mb: list[float] = field(default_factory=list)
    """Of the first process alone, from start to end."""
    started_at: float = field(default_factory=time.perf_counter)

    def sample(self, pid: int) -> None:
        self.peak_pss_mb = max(self.peak_pss_mb, read_process_tree(pid).memory_bytes / MEBIBYTE)
        self.peak_rss_mb = max(self.peak_rss_mb, resident_mb(pid))
        if own := own_resident_mb(pid):
            self.main_rss_mb.append(own)


def resident_mb(pid: int) -> float:
    """Add up the resident memory of a tree: pages that processes share are counted in each of them."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total / MEBIBYTE


def own_resident_mb(pid: int) -> float:
    """Give the resident memory of one process; 0 if it has ended."""
    try:
        return float(psutil.Process(pid).memory_info().rss) / MEBIBYTE
    except psutil.NoSuchProcess:
        return 0.0


def pss_mb(pid: int) -> float:
    return read_process_tree(pid).memory_bytes / MEBIBYTE


@contextmanager
def watched(pid: int) -> Iterator[Usage]:
    """Watch a running tree during the block."""
    usage = Usage()
    tree, main = read_process_tree(pid).cpu_seconds, _own_cpu_s(pid)
    with _sampling(pid, usage):
        yield usage
        usage.wall_s = time.perf_counter() - usage.started_at
        usage.cpu_s = read_process_tree(pid).cpu_seconds - tree
        usage.main_cpu_s = _own_cpu_s(pid) - main


def run_watched(command: Sequence[str], env: Mapping[str, str], output: Path, *, limit_s: float = 3600) -> Usage:
    """Run a command to its end and give what its tree used; fails loudly when the command does, or takes too long."""
    usage = Usage()
    with output.open("wb") as out:
        process = subprocess.Popen(command, env=dict(env), stdout=out, stderr=out)
    limit = threading.Timer(limit_s, process.kill)
    limit.start()
    with _sampling(process.pid, usage):
        _, status, used = os.wait4(process.pid, 0)
        usage.wall_s = time.perf_counter() - usage.started_at
        process.returncode = os.waitstatus_to_exitcode(status)
    limit.cancel()
    usage.cpu_s = used.ru_utime + used.ru_stime
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {output.read_text(errors='replace')[-2000:]}")
    return usage


@contextmanager
def _sampling(pid: int, usage: Usage) -> Iterator[None]:
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_PERIOD_S):
            usage.sample(pid)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _own_cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
