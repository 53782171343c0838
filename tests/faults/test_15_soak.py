"""Promise 15: a worker that works for long holds no more of anything at the end than before.

``make soak TIME=1800`` runs it for so many seconds and prints the table.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import psutil
import pytest

from faults.deployment import Deployment, Servers, deployed
from faults.history import FAILED
from faults.replica import Replica
from faults.scale import scaled
from llamaparse_worker.testing.reader import Opening, script
from support import documents

TIME_S = float(os.environ.get("SOAK_SECONDS", scaled(short="25", full="1800")))
PERIOD_S = max(1.0, TIME_S / 60)
LONG = TIME_S >= 1800
"""From here on the rule of memory holds; a shorter run sees the warm-up alone, and bounds what that may take."""
GROWTH_MB = 2.0 if LONG else 24.0
AT_A_MOMENT = 4
"""How many descriptors, threads, processes or files may differ by the moment of reading: a sweep may be on its way.

A leak of one a batch passes this within five batches, one a crash within twenty-five.
"""
WARM_UP_SHARE = 0.1
MEBIBYTE = 2**20

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(TIME_S + 240)]


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker held at one moment, when no job was in work."""

    at_s: float
    jobs: int
    descriptors: int
    threads: int
    processes: int
    zombies: int
    files: int
    """In its spool and temporary folders."""
    main_mb: float
    """Resident memory of the main process."""
    tree_mb: float
    """Memory of the whole tree that no file backs, shared pages counted once.

    A page of a library counts the less, the more processes of the machine have it open, also those of others.
    """

    def __str__(self) -> str:
        return (
            f"{self.at_s:7.0f} {self.jobs:7} {self.descriptors:5} {self.threads:7} {self.processes:9} {self.zombies:7}"
            f" {self.files:5} {self.main_mb:8.1f} {self.tree_mb:8.1f}"
        )


HEAD = "seconds    jobs files threads processes zombies spool  main MB  tree MB"


async def test_nothing_grows(servers: Servers, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = {"PDF_JOB_QUEUE_CONCURRENCY": "2", "TMPDIR": str(temporary), "JOB_LEASE_SECONDS": "30"}
    async with deployed(servers, tmp_path, **variables) as deployment:
        worker = deployment.replica()
        worker.start()
        await deployment.consuming(1, 120)
        held: list[Held] = []
        begun, batch = time.monotonic(), 0
        while (at_s := time.monotonic() - begun) < TIME_S or len(held) < 4:
            await _work(deployment, batch)
            batch += 1
            if not held or at_s - held[-1].at_s >= PERIOD_S:
                held.append(_held(worker, at_s, len(deployment.accepted), temporary))
        assert worker.starts == 1
        assert worker.status is None
        _judge(held[int(len(held) * WARM_UP_SHARE) :])
        await deployment.verdict(60)


async def _work(deployment: Deployment, batch: int) -> None:
    """Have some jobs of every kind done, so that nothing is in work after."""
    name = f"soak-{batch}"
    pdf = documents.make(documents.prose(batch), documents.table(documents.measurements(batch)))
    await deployment.publish(*(f"{name}-pdf-{number}" for number in range(4)), content=pdf)
    await deployment.publish(f"{name}-text", pages=["text"] * 20)
    await deployment.publish(f"{name}-missing-page", pages=["text", "text", "unreadable"], ends=FAILED)
    if batch % 5 == 0:
        content = script("text x", opening=Opening.CRASH)
        await deployment.publish(f"{name}-crash", content=content, ends=FAILED)
    while not await deployment.at_rest():  # noqa: ASYNC110 - the job store tells nobody
        await anyio.sleep(0.1)


def _held(worker: Replica, at_s: float, jobs: int, temporary: Path) -> Held:
    main = psutil.Process(worker.pid)
    children = main.children(recursive=True)
    spool = Path(worker.env["SPOOL_DIR"])
    return Held(
        at_s=at_s,
        jobs=jobs,
        descriptors=main.num_fds(),
        threads=main.num_threads(),
        processes=len(children),
        zombies=sum(child.status() == psutil.STATUS_ZOMBIE for child in children),
        files=sum(1 for folder in (spool, temporary) for _ in folder.rglob("*")),
        main_mb=main.memory_info().rss / MEBIBYTE,
        tree_mb=sum(map(_unbacked_bytes, (main, *children))) / MEBIBYTE,
    )


def _unbacked_bytes(process: psutil.Process) -> int:
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def _judge(held: Sequence[Held]) -> None:
    print("\n".join(["", HEAD, *map(str, held)]))  # noqa: T201 - the report
    half = len(held) // 2
    first, second = held[:half], held[half:]
    for name in ("descriptors", "threads", "processes", "files"):
        before, after = (max(getattr(one, name) for one in part) for part in (first, second))
        assert after <= before + AT_A_MOMENT, f"{name} grew from {before} to {after}"
    assert not any(one.zombies for one in held[-3:]), "zombies stay"
    for name in ("main_mb", "tree_mb"):
        before, after = (statistics.median(getattr(one, name) for one in part) for part in (first, second))
        print(f"{name}: {before:.1f} in the first half, {after:.1f} in the second")  # noqa: T201 - the report
        assert after <= before + GROWTH_MB, f"{name} grew from {before:.1f} to {after:.1f}"
