"""How many CPU cores this process may use: affinity and the quota of its control groups.

In a container the machine's core count says nothing: the quota does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUP_ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Give the cores of this process, at least 1."""
    return core_count(affinity=len(os.sched_getaffinity(0)), quota=cpu_quota(CGROUP_ROOT, _read(MEMBERSHIP) or ""))


def core_count(*, affinity: int, quota: float | None) -> int:
    """Give the smaller of the two, a fraction of a core counting as a whole one."""
    return affinity if quota is None else max(1, min(affinity, math.ceil(quota)))


def cpu_quota(root: Path, membership: str) -> float | None:
    """Give the least quota in cores of the control group and its ancestors; None without any.

    ``membership`` is the text of ``/proc/self/cgroup``: lines ``id:controllers:path``, where version 2 has no
    controllers.
    """
    quotas = [quota for folder in _folders(root, membership) if (quota := _quota_of(folder)) is not None]
    return min(quotas, default=None)


def _folders(root: Path, membership: str) -> Iterator[Path]:
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _with_ancestors(root, path)
        elif "cpu" in controllers.split(","):
            yield from _with_ancestors(root / "cpu", path)
            yield from _with_ancestors(root / controllers, path)


def _with_ancestors(root: Path, path: str) -> Iterator[Path]:
    # In a container the path may name the host's tree, which is not mounted: the root is then the own group.
    inside = PurePosixPath(path.lstrip("/"))
    for folder in (inside, *inside.parents):
        if ".." not in folder.parts:
            yield root / folder


def _quota_of(folder: Path) -> float | None:
    if (limit := _read(folder / "cpu.max")) is not None:
        return _ratio(*limit.split()[:2])
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    return None if quota is None or period is None else _ratio(quota, period)


def _ratio(quota: str, period: str = "100000") -> float | None:
    try:
        cores = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return None
    return cores if cores > 0 else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
