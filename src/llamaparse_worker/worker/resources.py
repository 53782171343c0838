"""Reads from the kernel what this worker and its child processes use, and what they may use. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """What a process and all its descendants use together."""

    processes: int
    cpu_seconds: float
    """Includes children that have ended and were waited for."""
    memory_bytes: int
    """Proportional set size, shared pages counted once; resident size where the kernel does not tell."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the worker may use: the limit of its control group, otherwise the machine."""

    cpus: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    cpu_seconds: float
    resident_bytes: int


def read_process_tree(root: int | None = None) -> ProcessTree:
    """Add up the tree below ``root`` (default: this process). Takes milliseconds: call it off the event loop."""
    root = root or os.getpid()
    found = {process.pid: process for process in _processes()}
    tree = [process for process in found.values() if _descends(process, root, found)]
    return ProcessTree(
        processes=len(tree),
        cpu_seconds=sum(process.cpu_seconds for process in tree),
        memory_bytes=sum(_proportional_bytes(process) for process in tree),
    )


def read_capacity() -> Capacity:
    """Find what this process may use."""
    machine = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    groups = tuple(_control_groups())
    return Capacity(
        cpus=min([float(len(os.sched_getaffinity(0))), *(_cpu_limit(group) for group in groups)]),
        memory_bytes=min([machine, *(limit for group in groups if (limit := _memory_limit(group)))]),
    )


def _processes() -> Iterator[_Process]:
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        # The name in parentheses may hold anything, so the fields are counted from its end: state is the first.
        fields = stat.rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[11:15])
        yield _Process(int(folder.name), int(fields[1]), ticks / _TICKS_PER_S, int(fields[21]) * _PAGE_BYTES)


def _descends(process: _Process, root: int, found: dict[int, _Process]) -> bool:
    here: _Process | None = process
    while here is not None and here.pid != root:
        here = found.get(here.parent)
    return here is not None


def _proportional_bytes(process: _Process) -> int:
    try:
        lines = (_PROC / str(process.pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return process.resident_bytes
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), process.resident_bytes)


def _control_groups() -> Iterator[Path]:
    """Give the control group (version 2) of this process and those above it: the smallest limit holds."""
    for line in (_PROC / "self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            here = _CGROUPS / line.removeprefix("0::").lstrip("/")
            yield from (group for group in (here, *here.parents) if group.is_relative_to(_CGROUPS))


def _cpu_limit(group: Path) -> float:
    quota, _, period = _read(group / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() else float("inf")


def _memory_limit(group: Path) -> int | None:
    limit = _read(group / "memory.max")
    return int(limit) if limit.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def own_memory_bytes() -> int:
    """Give the resident memory of this process alone."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
