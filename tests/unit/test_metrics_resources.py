from __future__ import annotations

import os
import subprocess
import sys

import psutil

from llamaparse_worker.worker.resources import read_capacity, read_process_tree

HOLD_60_MB = "import sys; held = b'x' * 60_000_000; print(flush=True); sys.stdin.read()"


def test_memory_of_child_processes_counts_while_they_live() -> None:
    before = read_process_tree()
    with subprocess.Popen([sys.executable, "-c", HOLD_60_MB], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        during = read_process_tree()
        child.communicate()
    assert during.processes == before.processes + 1
    assert during.memory_bytes - before.memory_bytes > 50_000_000
    assert read_process_tree().processes == before.processes


def test_cpu_time_of_ended_children_is_kept() -> None:
    before = read_process_tree().cpu_seconds
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert read_process_tree().cpu_seconds - before >= 0.25


def test_the_tree_of_another_process_leaves_this_one_out() -> None:
    assert read_process_tree(os.getppid()).processes > read_process_tree().processes


def test_capacity_is_within_the_machine() -> None:
    capacity = read_capacity()
    assert 0 < capacity.cpus <= (os.cpu_count() or 1)
    assert 0 < capacity.memory_bytes <= psutil.virtual_memory().total
